-- name: processes
-- The processes with a heartbeat within an hour, each with its work, and the version of PostgreSQL.
SELECT p.*, current_setting('server_version') AS postgresql, clock_timestamp() AS now
FROM (SELECT 1) one
LEFT JOIN (
    SELECT 'follower' AS role, h.held_by, h.beat_at, h.trouble,
        h.held_by = (SELECT g.held_by FROM progress g) AS leads, NULL::bigint AS endpoints
    FROM heartbeat h
    UNION ALL
    SELECT 'dispatcher', h.held_by, h.beat_at, h.trouble, NULL,
        (SELECT count(*) FROM webhooks.endpoint n WHERE n.held_by = h.held_by AND n.lease_until > clock_timestamp())
    FROM webhooks.heartbeat h
) p ON true
ORDER BY p.role DESC, p.beat_at DESC LIMIT 200
