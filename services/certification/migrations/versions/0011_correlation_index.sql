-- The facts of a conversation are found by its id. Most facts are a conversation of their own, and are found by their own id.
CREATE FUNCTION certification.correlation_named(state bytea) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN convert_from(state, 'UTF8')::jsonb ->> 'correlation_id';
CREATE INDEX stored_events_correlation_idx
    ON certification.stored_events (certification.correlation_named(state), notification_id)
    WHERE certification.correlation_named(state) <> fact_id;
