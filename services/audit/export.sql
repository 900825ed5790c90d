-- name: positions
-- The facts in streams whose names begin with $1, up to position $2. The byte after `-` is `.`.
SELECT position FROM (
    SELECT e.notification_id AS position FROM certification.stored_events e
    WHERE e.originator_id >= $1 || '-' AND e.originator_id < $1 || '.'
    OFFSET 0
) found
WHERE position <= $2
ORDER BY position

-- name: follows
-- Whether the events up to position $1 follow from the facts up to position $2: the last that names a fact names one of these,
-- and none was recorded after the fact that comes next. What time made at the instant of that fact came before it.
SELECT coalesce((
    SELECT e.fact_position <= $2 FROM compliance_event e WHERE e.position <= $1 AND e.fact_position > 0
    ORDER BY e.position DESC LIMIT 1
), true) AND coalesce((
    SELECT e.recorded_at <= f.recorded_at FROM compliance_event e, certification.stored_events f
    WHERE e.position = $1 AND f.notification_id = $2 + 1
), true)

-- name: before_later_engines
-- The last event, up to position $2, before the first that corrects because of an engine that a fact after position $1 installed.
SELECT coalesce(min(c.position) - 1, $2) FROM policy_upgrade u
JOIN certification.stored_events e ON e.fact_id = u.engine_fact_id AND e.notification_id > $1
JOIN compliance_event c ON c.position <= least(u.event_position, $2)
    AND c.recorded_at = u.cursor_instant AND c.fact_position = u.cursor_position
    AND position(convert_to('"fact_ids":["' || u.engine_fact_id || '"]', 'UTF8') IN c.data) > 0

-- name: last_engine
SELECT e.state FROM certification.stored_events e
WHERE e.originator_id >= 'engine-' AND e.originator_id < 'engine.' AND e.notification_id <= $1
ORDER BY e.notification_id DESC LIMIT 1

-- name: later_engines
-- The streams of the engines that were installed after position $1 for the first time.
SELECT e.originator_id FROM certification.stored_events e
WHERE e.originator_id >= 'engine-' AND e.originator_id < 'engine.' AND e.originator_version = 1 AND e.notification_id > $1

-- name: facts_of_partner
-- The facts that can concern a partner, after position $2 and up to $3, at most $4: those that name it or a partner merged into
-- it, those about their people, and those that concern everybody. They are found before positions count: a plan by position walks
-- the whole log.
WITH RECURSIVE partners AS (
    SELECT $1::text COLLATE "C" AS partner_id
    UNION
    SELECT e.partner_id FROM certification.stored_events e JOIN partners p ON e.into_partner_id = p.partner_id
    WHERE e.partner_id IS NOT NULL
), people AS (
    SELECT DISTINCT e.consultant_id FROM partners p JOIN certification.stored_events e USING (partner_id)
    WHERE e.consultant_id IS NOT NULL
), found AS MATERIALIZED (
    SELECT e.notification_id AS position FROM partners p JOIN certification.stored_events e USING (partner_id)
    UNION
    SELECT e.notification_id FROM partners p JOIN certification.stored_events e ON e.into_partner_id = p.partner_id
    UNION
    SELECT e.notification_id FROM people c JOIN certification.stored_events e USING (consultant_id)
    UNION
    SELECT e.notification_id FROM unnest(ARRAY['portal_change', 'policy', 'engine', 'signing_key']) s (stream)
    CROSS JOIN LATERAL (
        SELECT f.notification_id FROM certification.stored_events f
        WHERE f.originator_id >= s.stream || '-' AND f.originator_id < s.stream || '.'
        OFFSET 0
    ) e
)
SELECT position FROM found
WHERE position > $2 AND position <= $3
ORDER BY position LIMIT $4

-- name: compliance_of_partner
SELECT e.position FROM compliance_event e
WHERE e.partner_id = $1 AND e.position > $2 AND e.position <= $3
ORDER BY e.position LIMIT $4

-- name: claims_of_partner
SELECT c.number AS position FROM audit.claim c
WHERE c.partner_id = $1 AND c.number > $2 AND c.number <= $3
ORDER BY c.number LIMIT $4

-- name: first_later_claim
-- The first claim that was judged from facts after position $1, or by one of the engines $2. No fact up to that position installs one
-- of these engines. Of each engine it reads one row.
WITH RECURSIVE engines AS (
    SELECT min(r.engine) AS engine FROM audit.claim_reach r
    UNION ALL
    SELECT (SELECT min(r.engine) FROM audit.claim_reach r WHERE r.engine > e.engine) FROM engines e WHERE e.engine IS NOT NULL
)
SELECT later.number, later.position
FROM engines e CROSS JOIN LATERAL (
    SELECT r.number, r.position FROM audit.claim_reach r
    WHERE r.engine = e.engine AND r.position > CASE WHEN e.engine = ANY ($2::text[]) THEN -1 ELSE $1 END
    ORDER BY r.position LIMIT 1
) later
ORDER BY later.number LIMIT 1

-- name: erased
-- Of these facts, those whose free text is not there any more.
SELECT w.fact_id FROM unnest($1::text[]) WITH ORDINALITY w (fact_id, place)
WHERE NOT EXISTS (SELECT FROM certification.free_text t WHERE t.fact_id = w.fact_id)
ORDER BY w.place
