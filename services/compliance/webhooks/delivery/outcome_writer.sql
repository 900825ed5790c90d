-- name: parking
-- The rest of a write about parked messages; such writes are few.
, parked AS (
    INSERT INTO webhooks.parked_message (endpoint_id, epoch, sequence, position, partner_id)
    SELECT p.endpoint_id, p.epoch, p.sequence, p.position, p.partner_id FROM recorded r
    JOIN unnest({parkings}) AS p (endpoint_id, fence, epoch, sequence, position, partner_id)
        ON p.endpoint_id = r.endpoint_id AND p.fence = r.fence
),
sent AS (
    DELETE FROM webhooks.parked_message m USING recorded r
    WHERE r.delivered AND m.endpoint_id = r.endpoint_id AND m.epoch = r.released_epoch
        AND m.sequence = r.released_sequence
),
again AS (
    UPDATE webhooks.parked_message m SET released = false FROM recorded r
    WHERE m.endpoint_id = r.endpoint_id AND m.partner_id = r.parked_again
)

-- name: write
-- A success counts even if the owner changed the endpoint meanwhile: it happened. If the change began a new epoch, it
-- counts only if no event lies between, because the new filter might pass it. A failure counts if URL, message and state
-- are unchanged. Any other write needs an unchanged endpoint. A statement repeated after a lost answer counts once: the
-- first one has moved the cursor, raised the failures, released the lease or consumed the released message.
WITH recorded AS (
    UPDATE webhooks.endpoint e SET
        position =
            CASE WHEN e.revision = w.revision OR NOT w.delivered THEN w.position_to ELSE w.position_last END,
        sequence = CASE WHEN e.epoch = w.epoch THEN w.sequence ELSE e.sequence END,
        delivered_sequence = CASE WHEN e.epoch = w.epoch THEN w.delivered_sequence ELSE e.delivered_sequence END,
        failing_since = w.failing_since,
        failures = w.failures,
        warned_hours = w.warned_hours,
        rejecting_since = w.rejecting_since,
        next_attempt_at =
            CASE WHEN w.wait_seconds > 0 THEN clock_timestamp() + w.wait_seconds * interval '1 second'
            ELSE '-infinity' END,
        state = CASE WHEN w.disable IS NULL THEN e.state ELSE 'disabled' END,
        disabled_because = CASE WHEN w.disable IS NULL THEN e.disabled_because ELSE w.disable END,
        attempts = e.attempts + CASE WHEN w.kind IS NULL THEN 0 ELSE 1 END,
        last_attempt_at = CASE WHEN w.kind IS NULL THEN e.last_attempt_at ELSE clock_timestamp() END,
        last_delivered_at = CASE WHEN w.delivered THEN clock_timestamp() ELSE e.last_delivered_at END,
        last_status = CASE WHEN w.kind IS NULL AND w.error IS NULL THEN e.last_status ELSE w.status END,
        last_error = CASE WHEN w.kind IS NULL AND w.error IS NULL THEN e.last_error ELSE w.error END,
        lease_until =
            CASE WHEN w.lease_seconds > 0 THEN clock_timestamp() + w.lease_seconds * interval '1 second'
            ELSE '-infinity' END
    FROM {{writes}} AS w ({columns})
    WHERE e.endpoint_id = w.endpoint_id AND e.fence = w.fence AND e.position = w.position_from
        AND CASE
            WHEN w.delivered THEN e.epoch = w.epoch OR w.position_last <= w.position_from + 1
            WHEN e.revision = w.revision THEN e.failures = w.failures_from
            ELSE w.kind IS NOT NULL AND w.position_to = w.position_from AND w.parked_again IS NULL
                AND e.url = w.url AND e.epoch = w.epoch AND e.state = 'active' AND e.failures = w.failures_from
            END
        AND e.lease_until > '-infinity'
        AND (w.released_epoch IS NULL OR EXISTS (
            SELECT FROM webhooks.parked_message m WHERE m.endpoint_id = w.endpoint_id AND m.released
                AND m.epoch = w.released_epoch AND m.sequence = w.released_sequence
        ))
    RETURNING e.endpoint_id, e.fence, e.revision = w.revision AS unchanged, e.attempts,
        w.delivered, w.epoch, w.released_epoch, w.released_sequence, w.parked_again,
        w.kind, w.duration_ms, w.message_id, w.first_sequence, w.messages, w.status, w.error, w.reply
),
logged AS (
    INSERT INTO webhooks.attempt (
        endpoint_id, number, kind, started_at, duration_ms, message_id, epoch, sequence, messages, status, error,
        reply)
    SELECT r.endpoint_id, r.attempts, r.kind, clock_timestamp() - r.duration_ms * interval '1 millisecond',
        r.duration_ms, r.message_id,
        CASE WHEN r.first_sequence IS NOT NULL THEN coalesce(r.released_epoch, r.epoch) END,
        r.first_sequence, r.messages, r.status, r.error, r.reply
    FROM recorded r WHERE r.kind IS NOT NULL
)
{{and_then}}
SELECT r.endpoint_id, r.fence, r.unchanged FROM recorded r

-- name: prune
-- Deletes all but the last attempts of endpoints. One index scan for each endpoint, also under a cached plan from when
-- the table was empty.
DELETE FROM webhooks.attempt WHERE ctid = ANY(ARRAY(
    SELECT old.ctid FROM unnest($1::text[]) AS u (endpoint_id) CROSS JOIN LATERAL (
        SELECT a.ctid FROM webhooks.attempt a WHERE a.endpoint_id = u.endpoint_id AND a.number <= (
            SELECT e.attempts - {attempts_kept} FROM webhooks.endpoint e WHERE e.endpoint_id = u.endpoint_id
        ) OFFSET 0
    ) AS old
))
