-- The audit trail reads the log of compliance events.
DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['sagecert_sealer', 'sagecert_auditor'] LOOP
        IF to_regrole(service) IS NOT NULL THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), service);
            EXECUTE format('GRANT SELECT ON compliance_event, progress TO %I', service);
        END IF;
    END LOOP;
END $$;
