-- name: begin
-- Reminders begin with what comes after the first start.
INSERT INTO webhooks.reminder_progress (position) SELECT p.event_position FROM progress p ON CONFLICT DO NOTHING

-- name: take
SELECT r.position, r.maintenance_on <> t.today OR r.maintenance_at < clock_timestamp() - interval '10 minutes' AS due,
    t.today, c.now
FROM webhooks.reminder_progress r
CROSS JOIN certification.clock() c
CROSS JOIN LATERAL (SELECT (c.now AT TIME ZONE 'Europe/London')::date AS today) t
FOR UPDATE OF r SKIP LOCKED

-- name: read
UPDATE webhooks.reminder_progress SET position = $1

-- name: add
INSERT INTO webhooks.reminder (reminder_id, kind, partner_id, product, due_on, days_left)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[], $6::integer[]) ON CONFLICT DO NOTHING

-- name: retract
DELETE FROM webhooks.reminder WHERE reminder_id = ANY($1::text[]) AND mail_id IS NULL

-- name: add_maintenance
-- For each duty of a partner the reminder of the nearest of the days before, $3, that is reached on $2; made once.
INSERT INTO webhooks.reminder (
    reminder_id, kind, partner_id, product, due_on, days_left, portal_change_id, people)
SELECT concat_ws(' ', 'maintenance', d.partner_id, d.product, d.portal_change_id, d.due_on, n.before), 'maintenance',
    d.partner_id, d.product, d.due_on, d.due_on - $2::date, d.portal_change_id, count(*)
FROM maintenance_duty d
JOIN consultant_link l ON l.consultant_id = d.consultant_id AND l.partner_id = d.partner_id
CROSS JOIN LATERAL (SELECT min(b) AS before FROM unnest($3::integer[]) b WHERE d.due_on - b <= $2::date) n
WHERE d.due_on BETWEEN $2::date AND $2::date + (SELECT max(b) FROM unnest($3::integer[]) b)
    AND width_bucket($1::timestamptz, l.counting) % 2 = 1 AND width_bucket($1::timestamptz, d.owed) % 2 = 1
GROUP BY d.partner_id, d.product, d.portal_change_id, d.due_on, n.before
ON CONFLICT DO NOTHING

-- name: maintained
UPDATE webhooks.reminder_progress SET maintenance_at = clock_timestamp(), maintenance_on = $1

-- name: prune
DELETE FROM webhooks.reminder_mail WHERE coalesce(sent_at, given_up_at) < clock_timestamp() - interval '90 days'

-- name: lease
-- A mail that is due, for $1 seconds.
UPDATE webhooks.reminder_mail SET
    attempts = attempts + 1, next_attempt_at = clock_timestamp() + $1::float8 * interval '1 second'
WHERE mail_id = (
    SELECT m.mail_id FROM webhooks.reminder_mail m
    WHERE m.sent_at IS NULL AND m.given_up_at IS NULL AND m.next_attempt_at <= clock_timestamp()
    ORDER BY m.next_attempt_at, m.mail_id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING mail_id, made_at, attempts

-- name: make_mail
-- A new mail of the first $2 reminders that are in none.
WITH told AS (
    SELECT r.reminder_id FROM webhooks.reminder r WHERE r.mail_id IS NULL
    ORDER BY r.made_at, r.reminder_id LIMIT $2 FOR UPDATE SKIP LOCKED
), made AS (
    INSERT INTO webhooks.reminder_mail (mail_id) SELECT $1::text WHERE EXISTS (SELECT FROM told) RETURNING mail_id
)
UPDATE webhooks.reminder r SET mail_id = m.mail_id FROM told t, made m WHERE r.reminder_id = t.reminder_id

-- name: reminders
SELECT r.reminder_id, r.kind, r.partner_id, r.product, r.due_on, r.days_left, r.portal_change_id, r.people
FROM webhooks.reminder r WHERE r.mail_id = $1 ORDER BY r.reminder_id

-- name: sent
UPDATE webhooks.reminder_mail SET sent_at = clock_timestamp(), error = NULL
WHERE mail_id = $1 AND attempts = $2 AND sent_at IS NULL

-- name: failed
UPDATE webhooks.reminder_mail SET
    error = $3, next_attempt_at = clock_timestamp() + $4::float8 * interval '1 second',
    given_up_at = CASE WHEN $5 THEN clock_timestamp() END
WHERE mail_id = $1 AND attempts = $2 AND sent_at IS NULL
