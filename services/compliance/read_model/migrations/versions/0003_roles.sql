-- Who follows, who dispatches and who serves are roles of their own; and the follower says that it lives.

CREATE TABLE heartbeat (
    held_by text NOT NULL,
    beat_at timestamptz NOT NULL,
    trouble text,
    CONSTRAINT heartbeat_pkey PRIMARY KEY (held_by)
);
COMMENT ON TABLE heartbeat IS 'The followers that live, by process.';
COMMENT ON COLUMN heartbeat.trouble IS 'Why it does not get on; null: it does.';

DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['sagecert_follower', 'sagecert_dispatcher'] LOOP
        IF to_regrole(service) IS NULL
           AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', service);
                EXECUTE format('GRANT %I TO CURRENT_USER', service);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of the server was just migrated too
            END;
        END IF;
    END LOOP;

    -- A statement that takes too long ends, and so does a transaction in which nothing happens. Roles that somebody else
    -- made are theirs to set; each process asks for the same when it connects.
    FOREACH service IN ARRAY
        ARRAY['sagecert_certification', 'sagecert_compliance', 'sagecert_follower', 'sagecert_dispatcher'] LOOP
        IF to_regrole(service) IS NOT NULL THEN
            BEGIN
                EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', service, '30s');
                EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', service, '30s');
            EXCEPTION WHEN insufficient_privilege OR internal_error THEN
                NULL;  -- the latter: another database of the server is being migrated
            END;
        END IF;
    END LOOP;

    IF to_regrole('sagecert_dispatcher') IS NOT NULL THEN
        EXECUTE format('GRANT USAGE ON SCHEMA certification, %I TO sagecert_dispatcher', current_schema());
        GRANT EXECUTE ON FUNCTION certification.clock(), certification.now() TO sagecert_dispatcher;
        GRANT SELECT ON progress, compliance_event TO sagecert_dispatcher;
    END IF;
    IF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT SELECT ON heartbeat TO sagecert_compliance;
    END IF;
    IF to_regrole('sagecert_follower') IS NOT NULL THEN
        EXECUTE format('GRANT USAGE ON SCHEMA certification, %I TO sagecert_follower', current_schema());
        GRANT SELECT ON certification.stored_events TO sagecert_follower;
        GRANT EXECUTE ON FUNCTION certification.clock(), certification.now(), certification.barrier(),
            certification.portal_change_named(bytea) TO sagecert_follower;
        GRANT SELECT, UPDATE ON progress TO sagecert_follower;
        GRANT SELECT, INSERT ON compliance_event TO sagecert_follower;
        GRANT SELECT, INSERT, UPDATE, DELETE ON standing, replacement_window, timer, heartbeat TO sagecert_follower;
        GRANT SELECT ON adoption TO sagecert_follower;
        IF to_regrole('sagecert_compliance') IS NOT NULL THEN
            REVOKE INSERT, UPDATE, DELETE ON progress, compliance_event, standing, replacement_window, timer
                FROM sagecert_compliance;
        END IF;
    ELSIF to_regrole('sagecert_compliance') IS NOT NULL THEN
        -- Nobody may make the role of the follower: it goes on as the one that serves.
        GRANT INSERT, UPDATE, DELETE ON heartbeat TO sagecert_compliance;
    END IF;
END $$;
