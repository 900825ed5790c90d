-- Which idempotency key stands for the registration of which endpoint.

CREATE TABLE registration (
    idempotency_key text COLLATE "C" NOT NULL,
    content_hash bytea NOT NULL,
    endpoint_id text COLLATE "C" NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT registration_pkey PRIMARY KEY (idempotency_key)
);
CREATE INDEX registration_age_idx ON registration (registered_at);
COMMENT ON TABLE registration IS 'The keys under which endpoints were registered lately, also where they are deleted since.';
COMMENT ON COLUMN registration.content_hash IS 'SHA-256 of method, path and body as sent.';

DO $$
BEGIN
    IF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT SELECT, INSERT, DELETE ON registration TO sagecert_compliance;
    END IF;
END $$;
