-- The Merkle logs over facts and compliance events. Nothing here is evidence by itself: the notes are, with the keys of their
-- signers, which the database never sees.

CREATE TABLE audit.log (
    name text COLLATE "C" PRIMARY KEY CHECK (name IN ('facts', 'compliance')),
    origin text NOT NULL,
    size bigint NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    held_by text NOT NULL DEFAULT '',
    lease_until timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE audit.log IS 'The Merkle logs, and which sealer extends each.';
COMMENT ON COLUMN audit.log.origin IS 'The name under which the log signs; made once.';
COMMENT ON COLUMN audit.log.size IS 'How many entries are hashed; an entry is at its position less one.';
COMMENT ON COLUMN audit.log.fence IS 'Raised by every lease: a sealer with an older one changes nothing.';

INSERT INTO audit.log (name, origin)
SELECT l.name, 'sagecert.' || o.id || '/' || l.name
FROM (SELECT substr(replace(gen_random_uuid()::text, '-', ''), 1, 12) AS id) o, (VALUES ('facts'), ('compliance')) l (name);

CREATE TABLE audit.tile (
    log text COLLATE "C" NOT NULL REFERENCES audit.log,
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (log, level, number)
);
ALTER TABLE audit.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
COMMENT ON TABLE audit.tile IS 'Up to 256 consecutive hashes of a level (C2SP tlog-tiles); the last of each level grows.';

CREATE TABLE audit.checkpoint (
    log text COLLATE "C" NOT NULL REFERENCES audit.log,
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log, size)
);
COMMENT ON TABLE audit.checkpoint IS 'Every signed head of a log, for ever.';
COMMENT ON COLUMN audit.checkpoint.note IS 'With the signature of the log alone (C2SP tlog-checkpoint).';

CREATE TABLE audit.cosignature (
    log text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    witness text COLLATE "C" NOT NULL,
    line text NOT NULL,
    PRIMARY KEY (log, size, witness),
    FOREIGN KEY (log, size) REFERENCES audit.checkpoint
);
COMMENT ON TABLE audit.cosignature IS 'Witnesses that saw a checkpoint extend all earlier ones (C2SP tlog-cosignature).';
COMMENT ON COLUMN audit.cosignature.witness IS 'The verifier key of the witness.';

CREATE TABLE audit.signing_key (
    number integer PRIMARY KEY,
    public_key bytea NOT NULL UNIQUE CHECK (octet_length(public_key) = 32),
    fact_position bigint NOT NULL
);
COMMENT ON TABLE audit.signing_key IS 'The public keys of the logs, oldest first.';
COMMENT ON COLUMN audit.signing_key.fact_position IS 'Of the fact that installed it; 0: the first key.';

CREATE TABLE audit.heartbeat (
    held_by text PRIMARY KEY,
    beat_at timestamptz NOT NULL,
    trouble text
);
COMMENT ON TABLE audit.heartbeat IS 'The sealers that live, by process.';
COMMENT ON COLUMN audit.heartbeat.trouble IS 'Why it does not get on; null: it does.';

CREATE FUNCTION audit.refuse_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'what is sealed stays: % of % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['checkpoint', 'cosignature', 'signing_key'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.%I
            FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()', kept);
        EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER append_only', kept);
    END LOOP;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit FROM PUBLIC;
DO $$
DECLARE
    reader text;
BEGIN
    FOREACH reader IN ARRAY ARRAY['sagecert_sealer', 'sagecert_auditor', 'sagecert_follower', 'sagecert_compliance'] LOOP
        IF to_regrole(reader) IS NOT NULL THEN
            EXECUTE format('GRANT USAGE ON SCHEMA audit TO %I', reader);
            EXECUTE format('GRANT SELECT ON audit.log, audit.tile, audit.checkpoint, audit.cosignature, audit.signing_key,
                audit.heartbeat TO %I', reader);
        END IF;
    END LOOP;
    IF to_regrole('sagecert_sealer') IS NOT NULL THEN
        GRANT UPDATE (size, fence, held_by, lease_until) ON audit.log TO sagecert_sealer;
        GRANT INSERT, UPDATE ON audit.tile TO sagecert_sealer;
        GRANT INSERT ON audit.checkpoint, audit.cosignature, audit.signing_key TO sagecert_sealer;
        GRANT INSERT, UPDATE, DELETE ON audit.heartbeat TO sagecert_sealer;
    END IF;
END $$;
