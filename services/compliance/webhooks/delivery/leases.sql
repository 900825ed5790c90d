-- name: due
-- Whether endpoint `n`, leased or not, has work now; `p` is the progress.
n.state = 'active' AND n.next_attempt_at <= clock_timestamp()
AND (
    p.event_position > n.position + {due_scan_window}
    OR EXISTS (
        SELECT FROM compliance_event e
        WHERE e.position > n.position AND e.position <= n.position + {due_scan_window}
            AND (n.types IS NULL OR e.type = ANY(n.types))
            AND (n.partner_ids IS NULL OR e.partner_id = ANY(n.partner_ids))
            AND (n.products IS NULL OR e.products && n.products)
            AND (n.history IS NULL OR NOT {is_history})
    )
    OR EXISTS (SELECT FROM webhooks.parked_message m WHERE m.endpoint_id = n.endpoint_id AND m.released)
    OR coalesce(n.last_attempt_at, n.registered_at) + n.heartbeat_seconds * interval '1 second'
        <= clock_timestamp()
)

-- name: take
-- Leases due endpoints. Materialised: another plan would run it once for each endpoint, and take more than the limit.
WITH due AS MATERIALIZED (
    SELECT n.endpoint_id FROM webhooks.endpoint n CROSS JOIN progress p
    WHERE n.lease_until <= clock_timestamp() AND {due}
    LIMIT {leases_taken_max} FOR NO KEY UPDATE OF n SKIP LOCKED
)
UPDATE webhooks.endpoint t SET
    fence = fence + 1, held_by = $1, lease_until = clock_timestamp() + $2 * interval '1 second'
FROM due WHERE t.endpoint_id = due.endpoint_id
RETURNING t.endpoint_id, t.fence

-- name: load
-- The endpoints $1 with the fences $2 that are still active, with their secrets and what is parked.
SELECT e.endpoint_id, e.fence, e.revision, e.url, e.batch_max, e.types, e.partner_ids, e.products, e.history,
    e.position, e.epoch, e.sequence, e.delivered_sequence, e.replay_through,
    CASE WHEN a.tried THEN e.failing_since END AS failing_since, e.failures,
    CASE WHEN a.tried THEN e.warned_hours ELSE 0 END AS warned_hours,
    CASE WHEN a.tried THEN e.rejecting_since END AS rejecting_since,
    coalesce(e.last_attempt_at, e.registered_at) + e.heartbeat_seconds * interval '1 second'
        <= clock_timestamp() AS heartbeat_due,
    ARRAY(SELECT DISTINCT m.partner_id FROM webhooks.parked_message m
        WHERE m.endpoint_id = e.endpoint_id) AS parked_partners,
    ARRAY(SELECT s.sealed FROM webhooks.secret s WHERE s.endpoint_id = e.endpoint_id AND s.scheme = 'v1'
        AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp()) ORDER BY s.number DESC) AS secrets,
    ARRAY(SELECT s.sealed FROM webhooks.secret s WHERE s.endpoint_id = e.endpoint_id AND s.scheme = 'v1a'
        AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp()) ORDER BY s.number DESC) AS seeds,
    (SELECT min(s.expires_at) FROM webhooks.secret s WHERE s.endpoint_id = e.endpoint_id
        AND s.expires_at > clock_timestamp()) AS secret_expires_at,
    clock_timestamp() AS now
FROM unnest($1::text[], $2::bigint[]) w (endpoint_id, fence)
JOIN webhooks.endpoint e ON e.endpoint_id = w.endpoint_id AND e.fence = w.fence AND e.state = 'active'
CROSS JOIN LATERAL (
    SELECT e.last_attempt_at > clock_timestamp() - interval '{untried_hours} hours' AS tried
) a

-- name: release
-- Every lease of the holder $1, except of the endpoints $2.
UPDATE webhooks.endpoint SET lease_until = '-infinity'
WHERE held_by = $1 AND lease_until > clock_timestamp() AND endpoint_id <> ALL($2::text[])

-- name: rejected_elsewhere
-- Whether another endpoint rejected the message $2 lately, with one of the statuses $3.
SELECT EXISTS (
    SELECT FROM webhooks.endpoint o WHERE o.endpoint_id <> $1 AND o.rejecting_since IS NOT NULL
        AND o.state = 'active' AND EXISTS (
            SELECT FROM webhooks.attempt a WHERE a.endpoint_id = o.endpoint_id
                AND a.number > o.attempts - 10 AND a.message_id = $2 AND a.status = ANY($3::integer[])
        )
)
