-- The audit trail reads the log, and an entry of it fits into a bundle of C2SP tlog-tiles: 65,535 bytes, 4,095 of them for what
-- stands beside the bytes of the fact. What is recorded already stays as it is.
ALTER TABLE certification.stored_events
    ADD CONSTRAINT stored_events_state_check CHECK (octet_length(state) <= 61440) NOT VALID;

DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['sagecert_sealer', 'sagecert_auditor'] LOOP
        IF to_regrole(service) IS NULL
           AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', service);
                EXECUTE format('GRANT %I TO CURRENT_USER', service);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of the server was just migrated too
            END;
        END IF;
        IF to_regrole(service) IS NOT NULL THEN
            EXECUTE format('GRANT USAGE ON SCHEMA certification TO %I', service);
            EXECUTE format('GRANT SELECT ON certification.stored_events TO %I', service);
        END IF;
    END LOOP;
    IF to_regrole('sagecert_auditor') IS NOT NULL THEN
        GRANT SELECT (fact_id) ON certification.free_text TO sagecert_auditor;
        GRANT EXECUTE ON FUNCTION certification.clock(), certification.now() TO sagecert_auditor;
    END IF;
END $$;
