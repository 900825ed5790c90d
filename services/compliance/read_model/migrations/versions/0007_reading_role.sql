-- What only reads is served by a role that cannot write: no endpoint, and nothing of the read model.

DO $$
BEGIN
    IF to_regrole('sagecert_compliance_reader') IS NULL
       AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
        BEGIN
            CREATE ROLE sagecert_compliance_reader NOLOGIN;
            GRANT sagecert_compliance_reader TO CURRENT_USER;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of the server was just migrated too
        END;
    END IF;
    IF to_regrole('sagecert_compliance_reader') IS NOT NULL THEN
        EXECUTE format('GRANT USAGE ON SCHEMA certification, %I TO sagecert_compliance_reader', current_schema());
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO sagecert_compliance_reader', current_schema());
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO sagecert_compliance_reader',
            current_schema());
        GRANT SELECT ON certification.stored_events TO sagecert_compliance_reader;
        GRANT EXECUTE ON FUNCTION certification.clock(), certification.now(), certification.barrier(),
            certification.portal_change_named(bytea) TO sagecert_compliance_reader;
        IF to_regrole('sagecert_compliance') IS NOT NULL THEN
            BEGIN
                GRANT sagecert_compliance_reader TO sagecert_compliance;
            EXCEPTION WHEN insufficient_privilege OR unique_violation THEN
                NULL;  -- roles that somebody else made are theirs to grant
            END;
        END IF;
    END IF;
END $$;
