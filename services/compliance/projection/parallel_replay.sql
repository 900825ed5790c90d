-- name: partners
-- Every partner that any fact names. Routing all of them at once reads the log a few times, not once per partner.
CREATE UNLOGGED TABLE target AS
SELECT partner_id FROM certification.stored_events WHERE partner_id IS NOT NULL
UNION SELECT into_partner_id FROM certification.stored_events WHERE into_partner_id IS NOT NULL

-- name: route
CREATE UNLOGGED TABLE routed_fact AS
WITH RECURSIVE through AS (SELECT {{through}}::bigint AS position),
{partner_routes}
SELECT r.target_id, r.notification_id, r.append_position, r.topic, r.state
FROM routed r ORDER BY r.target_id, r.notification_id

-- name: next_partners
SELECT partner_id FROM target WHERE partner_id > $1 ORDER BY partner_id LIMIT $2

-- name: routed
SELECT target_id, notification_id, append_position, topic, state FROM routed_fact
WHERE target_id BETWEEN $1 AND $2 ORDER BY target_id, notification_id

-- name: broadcast
SELECT target_id, notification_id, append_position, topic, state FROM routed_fact
WHERE target_id IS NULL ORDER BY notification_id

-- name: stage
CREATE UNLOGGED TABLE derived_event (
    instant timestamptz, position bigint, partner_id text COLLATE "C", ordinal integer,
    event_id text COLLATE "C", type text, products text, effective_at timestamptz, about text, data bytea)
