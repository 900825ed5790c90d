-- What only reads is served by a role that cannot append.

DO $$
BEGIN
    IF to_regrole('sagecert_certification_reader') IS NULL
       AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
        BEGIN
            CREATE ROLE sagecert_certification_reader NOLOGIN;
            GRANT sagecert_certification_reader TO CURRENT_USER;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of the server was just migrated too
        END;
    END IF;
    IF to_regrole('sagecert_certification_reader') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA certification TO sagecert_certification_reader;
        GRANT SELECT ON certification.stored_events, certification.free_text TO sagecert_certification_reader;
        GRANT EXECUTE ON FUNCTION certification.clock(), certification.now(), certification.barrier()
            TO sagecert_certification_reader;
        IF to_regrole('sagecert_certification') IS NOT NULL THEN
            BEGIN
                GRANT sagecert_certification_reader TO sagecert_certification;
            EXCEPTION WHEN insufficient_privilege OR unique_violation THEN
                NULL;  -- roles that somebody else made are theirs to grant
            END;
        END IF;
    END IF;
END $$;
