-- The dispatcher writes what became of deliveries, and says that it lives; who serves writes what owners configure.

CREATE TABLE heartbeat (
    held_by text NOT NULL,
    beat_at timestamptz NOT NULL,
    trouble text,
    CONSTRAINT heartbeat_pkey PRIMARY KEY (held_by)
);
COMMENT ON TABLE heartbeat IS 'The dispatchers that live, by process.';
COMMENT ON COLUMN heartbeat.trouble IS 'Why it does not get on; null: it does.';

DO $$
BEGIN
    IF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT SELECT ON heartbeat TO sagecert_compliance;
    END IF;
    IF to_regrole('sagecert_dispatcher') IS NOT NULL THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO sagecert_dispatcher', current_schema());
        GRANT SELECT ON endpoint, secret, parked_message, attempt TO sagecert_dispatcher;
        GRANT UPDATE (position, sequence, delivered_sequence, failing_since, failures, warned_hours, rejecting_since,
            next_attempt_at, state, disabled_because, attempts, last_attempt_at, last_delivered_at, last_status, last_error,
            fence, held_by, lease_until) ON endpoint TO sagecert_dispatcher;
        GRANT INSERT, UPDATE, DELETE ON parked_message TO sagecert_dispatcher;
        GRANT INSERT, DELETE ON attempt TO sagecert_dispatcher;
        GRANT SELECT, INSERT, UPDATE, DELETE ON heartbeat TO sagecert_dispatcher;
        IF to_regrole('sagecert_compliance') IS NOT NULL THEN
            REVOKE UPDATE ON endpoint FROM sagecert_compliance;
            GRANT UPDATE (url, description, types, partner_ids, products, batch_max, heartbeat_seconds, state,
                disabled_because, revision, position, epoch, sequence, delivered_sequence, replay_through, failing_since,
                failures, warned_hours, rejecting_since, next_attempt_at, attempts, fence) ON endpoint TO sagecert_compliance;
            REVOKE INSERT, UPDATE ON parked_message FROM sagecert_compliance;
            GRANT UPDATE (released) ON parked_message TO sagecert_compliance;
            REVOKE UPDATE, DELETE ON attempt FROM sagecert_compliance;
        END IF;
    ELSIF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT INSERT, UPDATE, DELETE ON heartbeat TO sagecert_compliance;
    END IF;
END $$;
