-- Who registers and changes an endpoint is the name of a key; idempotency keys are per caller.

ALTER TABLE endpoint
    ADD COLUMN registered_by text COLLATE "C" NOT NULL DEFAULT 'api',
    ADD COLUMN changed_by text COLLATE "C" NOT NULL DEFAULT 'api';
COMMENT ON COLUMN endpoint.registered_by IS 'The name of the key that registered it; api: before keys had names.';
COMMENT ON COLUMN endpoint.changed_by IS 'The name of the key that last changed it or its secrets.';

ALTER TABLE registration ADD COLUMN actor text COLLATE "C" NOT NULL DEFAULT 'api';
ALTER TABLE registration DROP CONSTRAINT registration_pkey;
ALTER TABLE registration ADD CONSTRAINT registration_pkey PRIMARY KEY (actor, idempotency_key);
COMMENT ON COLUMN registration.actor IS 'The namespace of the key: the name of the caller, or api for those without one.';

DO $$
BEGIN
    IF to_regrole('sagecert_dispatcher') IS NOT NULL AND to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT UPDATE (changed_by) ON endpoint TO sagecert_compliance;
    END IF;
END $$;
