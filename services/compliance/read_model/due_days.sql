-- name: windows_of_partner
-- Deadlines of windows of the partner $3 that are open at $1, the first $2.
SELECT w.deadline_on, w.partner_id, w.product, w.number, w.opened_at
FROM replacement_window w
WHERE w.partner_id = $3 AND w.deadline_at > $1 AND w.opened_at <= $1 AND coalesce(w.closed_at > $1, true)
ORDER BY w.deadline_at, w.partner_id, w.product, w.number LIMIT $2

-- name: owed
-- How many people who count for a partner owe maintenance at $1 that is due on a day from $3 on, the first $2.
SELECT d.due_on, d.partner_id, d.product, d.portal_change_id, count(*) AS people,
    min(d.owed[width_bucket($1::timestamptz, d.owed)]) AS since
FROM consultant_link l
JOIN maintenance_duty d ON d.consultant_id = l.consultant_id AND d.partner_id = l.partner_id
WHERE width_bucket($1::timestamptz, l.counting) % 2 = 1 AND width_bucket($1::timestamptz, d.owed) % 2 = 1
    AND d.due_on >= $3 AND (d.owed_until IS NULL OR d.owed_until > $1) {{filter}}
GROUP BY d.due_on, d.partner_id, d.product, d.portal_change_id
ORDER BY d.due_on, d.partner_id, d.product, d.portal_change_id LIMIT $2
