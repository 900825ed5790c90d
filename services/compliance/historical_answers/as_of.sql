-- name: as_of
-- A common table expression behind $2 `at`, $3 `known_at`, $4 `known_position`. A fact is known as soon as it is recorded,
-- without waiting for the projection. `head`: the last position of the log. `final`: no fact can be recorded any more that
-- would have been known by then. `ahead`: `known_at` is in the future. `policy_fact_id`: the last fact about the policy.
-- `engine_id`: of the engine installed.
moment AS MATERIALIZED (
    SELECT
        coalesce($2::timestamptz, greatest(c.now, p.known_through, h.recorded_at)) AS at,
        CASE
            WHEN $4::bigint = 0 THEN 'epoch'
            WHEN $4 IS NOT NULL
                THEN (SELECT e.recorded_at FROM certification.stored_events e WHERE e.notification_id = $4)
            ELSE coalesce($3::timestamptz, greatest(p.known_through, h.recorded_at))
        END AS known_at,
        CASE
            WHEN $4 IS NOT NULL THEN $4
            WHEN $3 IS NULL THEN h.position
            ELSE coalesce((
                SELECT e.notification_id FROM certification.stored_events e
                WHERE e.recorded_at <= $3 ORDER BY e.recorded_at DESC, e.notification_id DESC LIMIT 1), 0)
        END AS position,
        h.position AS head,
        $3 IS NULL OR $3 <= p.known_through
            OR EXISTS (SELECT FROM certification.stored_events e WHERE e.recorded_at > $3) AS final,
        $3 IS NOT NULL AND $3 > c.now
            AND NOT EXISTS (SELECT FROM certification.stored_events e WHERE e.recorded_at >= $3) AS ahead
    FROM progress p
    CROSS JOIN LATERAL (SELECT certification.now() AS now OFFSET 0) c
    CROSS JOIN LATERAL (
        SELECT coalesce(max(l.notification_id), 0) AS position, coalesce(max(l.recorded_at), 'epoch') AS recorded_at
        FROM (SELECT e.notification_id, e.recorded_at FROM certification.stored_events e
              ORDER BY e.notification_id DESC LIMIT 1) l
    ) h
),
known AS MATERIALIZED (
    SELECT known.*, ({policy_known}) AS policy_fact_id, installed.engine_id
    FROM moment known CROSS JOIN certification.engine() installed
)

-- name: moment
WITH {as_of} SELECT m.* FROM known m WHERE $1::text IS NULL

-- name: partner
WITH RECURSIVE {as_of},
through AS (SELECT m.position FROM moment m),
target AS (SELECT $1::text COLLATE "C" AS partner_id),
{partner_routes}
SELECT m.at, m.known_at, m.position, m.head, m.final, m.ahead, m.policy_fact_id, m.engine_id,
    true AS mentioned,
    r.target_id, r.notification_id, r.append_position, r.topic, r.state
FROM known m LEFT JOIN routed r ON true ORDER BY r.target_id NULLS FIRST, r.notification_id

-- name: person
WITH RECURSIVE {as_of},
through AS (SELECT m.position FROM moment m),
target AS (SELECT $1::text COLLATE "C" AS consultant_id),
{person_routes}
SELECT m.at, m.known_at, m.position, m.head, m.final, m.ahead, m.policy_fact_id, m.engine_id,
    EXISTS (SELECT FROM certification.stored_events e
            WHERE e.consultant_id = $1 AND e.notification_id <= m.position) AS mentioned,
    r.target_id, r.notification_id, r.append_position, r.topic, r.state
FROM known m LEFT JOIN routed r ON true ORDER BY r.target_id NULLS FIRST, r.notification_id
