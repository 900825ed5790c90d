-- name: follower
-- How far the follower is, and its last heartbeat within $1 seconds.
SELECT coalesce((SELECT max(notification_id) FROM certification.stored_events), 0) AS head,
    p.position, p.known_through, p.event_position, p.held_by, p.engine_id AS derived_by,
    (SELECT e.engine_id FROM certification.engine() e) AS engine_id,
    extract(epoch FROM certification.now() - p.known_through)::float8 AS lag_seconds,
    extract(epoch FROM clock_timestamp() - p.advanced_at)::float8 AS still_seconds,
    (SELECT extract(epoch FROM clock_timestamp() - max(h.beat_at))::float8 FROM heartbeat h) AS silent_seconds,
    (SELECT h.trouble FROM heartbeat h WHERE h.beat_at > clock_timestamp() - $1 * interval '1 second'
        ORDER BY h.trouble NULLS FIRST LIMIT 1) AS trouble
FROM progress p

-- name: dispatcher
-- Whether a dispatcher sent a heartbeat within $1 seconds, and whether messages are due.
SELECT EXISTS (
        SELECT FROM webhooks.heartbeat h WHERE h.beat_at > clock_timestamp() - $1 * interval '1 second'
    ) AS alive,
    (SELECT h.trouble FROM webhooks.heartbeat h WHERE h.beat_at > clock_timestamp() - $1 * interval '1 second'
        ORDER BY h.trouble NULLS FIRST LIMIT 1) AS trouble,
    EXISTS (SELECT FROM webhooks.endpoint n CROSS JOIN progress p WHERE {due}) AS due
