-- name: endpoint
-- Endpoints as their owners see them.
SELECT e.*, p.event_position AS head,
    CASE WHEN e.failing_since IS NOT NULL AND e.state = 'active'
        THEN nullif(e.next_attempt_at, '-infinity') END AS attempt_due_at,
    (SELECT count(*) FROM webhooks.parked_message m WHERE m.endpoint_id = e.endpoint_id) AS parked,
    (SELECT s.sealed FROM webhooks.secret s WHERE s.endpoint_id = e.endpoint_id AND s.scheme = 'v1a'
        ORDER BY s.number DESC LIMIT 1) AS key_pair
FROM webhooks.endpoint e CROSS JOIN progress p

-- name: find
{endpoint}
WHERE e.endpoint_id = $1

-- name: list
-- The first $2 endpoints after an id; the page ends early once the filters of its endpoints name $3 partners or more.
{endpoint}
WHERE e.endpoint_id IN (
    SELECT w.endpoint_id FROM (
        SELECT n.endpoint_id, n.names, sum(n.names) OVER (ORDER BY n.endpoint_id) AS names_through FROM (
            SELECT l.endpoint_id, coalesce(cardinality(l.partner_ids), 0) AS names FROM webhooks.endpoint l
            WHERE l.endpoint_id > $1 ORDER BY l.endpoint_id LIMIT $2
        ) n
    ) w WHERE w.names_through - w.names < $3
)
ORDER BY e.endpoint_id

-- name: insert
INSERT INTO webhooks.endpoint (
    endpoint_id, url, description, types, partner_ids, products, history, batch_max, heartbeat_seconds, state,
    position, registered_by, changed_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $10, $11, $11)

-- name: change
-- $11: the filter changed. $12: the filter or URL changed, or the endpoint is activated: its failures are reset.
UPDATE webhooks.endpoint SET
    url = $2, description = $3, types = $4, partner_ids = $5, products = $6, history = $7, batch_max = $8,
    heartbeat_seconds = $9, state = $10,
    disabled_because = CASE WHEN $10 = 'disabled' THEN disabled_because END,
    epoch = epoch + CASE WHEN $11 THEN 1 ELSE 0 END,
    sequence = CASE WHEN $11 THEN 0 ELSE sequence END,
    delivered_sequence = CASE WHEN $11 THEN 0 ELSE delivered_sequence END,
    rejecting_since = CASE WHEN $12 THEN NULL ELSE rejecting_since END,
    next_attempt_at = CASE WHEN $12 THEN '-infinity' ELSE next_attempt_at END,
    failing_since = CASE WHEN $12 THEN NULL ELSE failing_since END,
    failures = CASE WHEN $12 THEN 0 ELSE failures END,
    warned_hours = CASE WHEN $12 THEN 0 ELSE warned_hours END
WHERE endpoint_id = $1

-- name: replay
-- Takes the endpoint $1 back to the position $2, in a new epoch.
UPDATE webhooks.endpoint SET
    position = $2, epoch = epoch + 1, sequence = 0, delivered_sequence = 0,
    replay_through = greatest(replay_through, position), fence = fence + 1, rejecting_since = NULL
WHERE endpoint_id = $1

-- name: changed
-- Tells the dispatchers on channel $2 that the actor $3 changed the endpoint $1.
WITH raised AS (
    UPDATE webhooks.endpoint SET revision = revision + 1, changed_by = $3 WHERE endpoint_id = $1
    RETURNING endpoint_id
)
SELECT pg_notify($2, endpoint_id) FROM raised
