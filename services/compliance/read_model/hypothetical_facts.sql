-- name: hypothetical_log
-- The fact log with hypothetical facts among it, whose positions are negative: $1 ids, $2 topics, $3 streams, $4 partners,
-- $5 survivors, $6 consultants. Inlined, so that every index of the log serves; OFFSET makes a subquery of the second part,
-- which PostgreSQL can scan once for each id that is looked up, as it cannot a function.
hypothetical_log AS NOT MATERIALIZED (
    SELECT e.originator_id, e.notification_id, e.append_position, e.topic, e.state, e.fact_id,
        e.partner_id, e.into_partner_id, e.consultant_id
    FROM certification.stored_events e
    UNION ALL
    (SELECT h.originator_id COLLATE "C", -h.number, -h.number, h.topic COLLATE "C", ''::bytea, h.fact_id COLLATE "C",
        h.partner_id COLLATE "C", h.into_partner_id COLLATE "C", h.consultant_id COLLATE "C"
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY
        h (fact_id, topic, originator_id, partner_id, into_partner_id, consultant_id, number)
    OFFSET 0)
)

-- name: named
-- Whom the facts $1 are about.
SELECT e.fact_id, e.originator_id, e.partner_id, e.into_partner_id, e.consultant_id
FROM certification.stored_events e WHERE e.fact_id = ANY ($1::text[])

-- name: concerned
WITH RECURSIVE {hypothetical_log},
newer AS MATERIALIZED (
    SELECT h.append_position, NULL::timestamptz AS recorded_at, h.topic, h.partner_id, h.into_partner_id,
        h.consultant_id, false AS broadcast, false AS revision
    FROM hypothetical_log h WHERE h.notification_id < 0
),
{group_routes}
SELECT DISTINCT t.partner_id FROM touched t WHERE t.partner_id IS NOT NULL ORDER BY t.partner_id

-- name: of_partners
-- The facts routed to the partners $7, up to the position $8.
WITH RECURSIVE {hypothetical_log},
target AS (SELECT unnest($7::text[]) COLLATE "C" AS partner_id),
through AS (SELECT $8::bigint AS position),
{partner_routes}
SELECT r.target_id, r.notification_id, r.append_position, r.topic, r.state
FROM routed r ORDER BY r.target_id NULLS FIRST, r.notification_id

-- name: of_person
-- The facts routed to the person $7, up to the position $8.
WITH RECURSIVE {hypothetical_log},
target AS (SELECT $7::text COLLATE "C" AS consultant_id),
through AS (SELECT $8::bigint AS position),
{person_routes}
SELECT r.target_id, r.notification_id, r.append_position, r.topic, r.state
FROM routed r ORDER BY r.target_id NULLS FIRST, r.notification_id
