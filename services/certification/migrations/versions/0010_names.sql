-- The names of partners and consultants: beside the facts, erasable, and found by a part of them.

-- Letters without case and accents: how a name and what is looked for are compared.
CREATE FUNCTION certification.folded(written text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lower(translate(
        replace(replace(replace(replace(replace(
            regexp_replace(normalize(written, NFKD), '[\u0300-\u036F]', '', 'g'),
            'ß', 'ss'), 'æ', 'ae'), 'Æ', 'AE'), 'œ', 'oe'), 'Œ', 'OE'),
        'ØøŁłĐđÞþı', 'OoLlDdTti'));

CREATE TABLE certification.partner_profile (
    partner_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    fact_id text COLLATE "C",       -- the enrolment that gave the name; null: it was given by itself
    folded text NOT NULL GENERATED ALWAYS AS (certification.folded(name)) STORED
);
ALTER TABLE certification.profile
    ADD COLUMN folded text NOT NULL GENERATED ALWAYS AS (certification.folded(name)) STORED;
CREATE INDEX partner_profile_fact_idx ON certification.partner_profile (fact_id) WHERE fact_id IS NOT NULL;

-- An index over every three letters that follow each other, where the server has the extension for it. Without it a search reads
-- every name.
DO $$
DECLARE
    installed text;
BEGIN
    BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA certification;
    EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
        NULL;
    END;
    SELECT n.nspname INTO installed FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
    WHERE x.extname = 'pg_trgm';
    IF installed IS NOT NULL THEN
        EXECUTE format('CREATE INDEX partner_profile_folded_idx ON certification.partner_profile
            USING gin (folded %I.gin_trgm_ops)', installed);
        EXECUTE format('CREATE INDEX profile_folded_idx ON certification.profile
            USING gin (folded %I.gin_trgm_ops)', installed);
    END IF;
END $$;

-- The name that comes with an enrolment is the name of the partner: it goes into the profile, in place of an earlier one.
-- The salt stays with the fact, so that the same call is known again; it is erased with the profile.
ALTER TABLE certification.free_text ALTER COLUMN text DROP NOT NULL;
COMMENT ON COLUMN certification.free_text.text IS 'Null: a name, which lies in the profile.';

CREATE FUNCTION certification.keep_name() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO certification.partner_profile AS p (partner_id, name, fact_id)
    SELECT e.partner_id, NEW.text, e.fact_id FROM certification.stored_events e
    WHERE e.fact_id = NEW.fact_id AND e.topic = 'com.sage.partnercloud.partner-enrolled.v1'
    ON CONFLICT (partner_id) DO UPDATE SET name = excluded.name, fact_id = excluded.fact_id;
    IF FOUND THEN
        NEW.text := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_name BEFORE INSERT ON certification.free_text
    FOR EACH ROW EXECUTE FUNCTION certification.keep_name();
REVOKE ALL ON FUNCTION certification.keep_name() FROM PUBLIC;

-- Until now such names lay with their facts.
INSERT INTO certification.partner_profile (partner_id, name, fact_id)
SELECT DISTINCT ON (e.partner_id) e.partner_id, t.text, e.fact_id
FROM certification.free_text t JOIN certification.stored_events e USING (fact_id)
WHERE e.topic = 'com.sage.partnercloud.partner-enrolled.v1'
ORDER BY e.partner_id, e.notification_id DESC;
UPDATE certification.free_text t SET text = NULL FROM certification.stored_events e
WHERE e.fact_id = t.fact_id AND e.topic = 'com.sage.partnercloud.partner-enrolled.v1';

-- What compliance may know of a person: the name, and nothing else of the profile.
CREATE VIEW certification.partner_name AS SELECT p.partner_id, p.name FROM certification.partner_profile p;
CREATE VIEW certification.consultant_name AS SELECT p.consultant_id, p.name FROM certification.profile p;

-- What LIKE takes for "holds this part", in folded letters.
CREATE FUNCTION certification.holding(part text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '%' || replace(replace(replace(certification.folded(part), '\', '\\'), '%', '\%'), '_', '\_') || '%';

-- Whose name holds this part. An index of this kind is read through a bitmap only.
CREATE FUNCTION certification.partners_named(part text) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER ROWS 20 SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = on
AS $$ SELECT p.partner_id FROM certification.partner_profile p WHERE p.folded LIKE (SELECT certification.holding(part)) $$;
CREATE FUNCTION certification.consultants_named(part text) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER ROWS 20 SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = on
AS $$ SELECT p.consultant_id FROM certification.profile p WHERE p.folded LIKE (SELECT certification.holding(part)) $$;
REVOKE ALL ON FUNCTION certification.partners_named(text), certification.consultants_named(text) FROM PUBLIC;

DO $$
BEGIN
    IF to_regrole('sagecert_certification') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON certification.partner_profile TO sagecert_certification;
    END IF;
END $$;
