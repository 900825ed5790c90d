-- name: positions
-- The facts in streams whose names begin with $1, up to position $2. The byte after `-` is `.`.
SELECT e.notification_id FROM certification.stored_events e
WHERE e.originator_id >= $1 || '-' AND e.originator_id < $1 || '.' AND e.notification_id <= $2
ORDER BY e.notification_id

-- name: derived_from
-- The facts that the events up to position $1 follow from reach up to here; a timer names none.
SELECT e.fact_position FROM compliance_event e WHERE e.position <= $1 AND e.fact_position > 0
ORDER BY e.position DESC LIMIT 1

-- name: facts_of_partner
-- The facts that can concern a partner, after position $2 and up to $3, at most $4: those that name it or a partner merged into
-- it, those about their people, and those that concern everybody.
WITH RECURSIVE partners AS (
    SELECT $1::text COLLATE "C" AS partner_id
    UNION
    SELECT e.partner_id FROM certification.stored_events e JOIN partners p ON e.into_partner_id = p.partner_id
    WHERE e.partner_id IS NOT NULL
), people AS (
    SELECT DISTINCT e.consultant_id FROM partners p JOIN certification.stored_events e USING (partner_id)
    WHERE e.consultant_id IS NOT NULL
)
SELECT position FROM (
    SELECT e.notification_id AS position FROM partners p JOIN certification.stored_events e USING (partner_id)
    UNION
    SELECT e.notification_id FROM partners p JOIN certification.stored_events e ON e.into_partner_id = p.partner_id
    UNION
    SELECT e.notification_id FROM people c JOIN certification.stored_events e USING (consultant_id)
    UNION
    SELECT e.notification_id FROM unnest(ARRAY['portal_change', 'policy', 'engine', 'signing_key']) s (stream)
    JOIN certification.stored_events e ON e.originator_id >= s.stream || '-' AND e.originator_id < s.stream || '.'
) found
WHERE position > $2 AND position <= $3
ORDER BY position LIMIT $4

-- name: events_of_partner
SELECT e.position FROM compliance_event e
WHERE e.partner_id = $1 AND e.position > $2 AND e.position <= $3
ORDER BY e.position LIMIT $4

-- name: claims
-- The authorisation answers after number $1 that judged from facts up to position $2, at most $3.
SELECT c.number, to_jsonb(c)::text AS claim FROM audit.claim c WHERE c.number > $1 AND c.position <= $2
ORDER BY c.number LIMIT $3

-- name: erased
-- Of these facts, those whose free text is not there any more.
SELECT w.fact_id FROM unnest($1::text[]) WITH ORDINALITY w (fact_id, place)
WHERE NOT EXISTS (SELECT FROM certification.free_text t WHERE t.fact_id = w.fact_id)
ORDER BY w.place
