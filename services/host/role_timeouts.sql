-- name: limit_roles
-- Gives the roles of the services time limits, unless they have their own.
DO $$
DECLARE
    service text;
    setting text;
BEGIN
    FOR service IN SELECT r.rolname FROM pg_roles r WHERE r.rolname ~ '^sagecert_' AND r.rolname <> current_user LOOP
        FOREACH setting IN ARRAY ARRAY['statement_timeout', 'idle_in_transaction_session_timeout'] LOOP
            BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles r, unnest(r.rolconfig) AS given
                               WHERE r.rolname = service AND given LIKE setting || '=%') THEN
                    EXECUTE format('ALTER ROLE %I SET %I = %L', service, setting, '30s');
                END IF;
            EXCEPTION WHEN insufficient_privilege OR internal_error THEN
                NULL;  -- not the owner's to decide, or a migration of another database of this server is running
            END;
        END LOOP;
    END LOOP;
END $$
