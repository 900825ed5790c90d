-- Names are found by their parts of one, two and three letters. An array of them has an index without any extension, and a
-- search for one or two letters uses it, too.

-- Every part of a folded text.
CREATE FUNCTION certification.parts(folded text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(
        SELECT substr(folded, place, size) FROM generate_series(1, length(folded)) place, generate_series(1, 3) size);

-- Those that a text has if it holds this folded one.
CREATE FUNCTION certification.parts_to_find(folded text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN length(folded) <= 3 THEN ARRAY[folded]
        ELSE ARRAY(SELECT substr(folded, place, 3) FROM generate_series(1, length(folded) - 2) place) END;

DROP INDEX IF EXISTS certification.partner_profile_folded_idx, certification.profile_folded_idx;
DO $$
BEGIN
    -- Only where migration 0010 made it, and nobody has used it for something else.
    IF EXISTS (SELECT FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
               WHERE x.extname = 'pg_trgm' AND n.nspname = 'certification') THEN
        DROP EXTENSION pg_trgm;
    END IF;
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    NULL;
END $$;

CREATE INDEX partner_profile_parts_idx ON certification.partner_profile USING gin (certification.parts(folded))
    WITH (fastupdate = off);
CREATE INDEX profile_parts_idx ON certification.profile USING gin (certification.parts(folded)) WITH (fastupdate = off);

-- Whose name holds this part. An index of this kind is read through a bitmap only. A function in SQL would be planned each time.
CREATE OR REPLACE FUNCTION certification.partners_named(part text) RETURNS SETOF text
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20
    SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = on SET enable_seqscan = off
AS $$
BEGIN
    RETURN QUERY SELECT p.partner_id FROM certification.partner_profile p
        WHERE certification.parts(p.folded) @> (SELECT certification.parts_to_find(certification.folded(part)))
            AND p.folded LIKE (SELECT certification.holding(part));
END $$;
CREATE OR REPLACE FUNCTION certification.consultants_named(part text) RETURNS SETOF text
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20
    SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = on SET enable_seqscan = off
AS $$
BEGIN
    RETURN QUERY SELECT p.consultant_id FROM certification.profile p
        WHERE certification.parts(p.folded) @> (SELECT certification.parts_to_find(certification.folded(part)))
            AND p.folded LIKE (SELECT certification.holding(part));
END $$;

-- Compliance compares the names of a page, too.
CREATE OR REPLACE VIEW certification.partner_name AS SELECT p.partner_id, p.name, p.folded FROM certification.partner_profile p;
CREATE OR REPLACE VIEW certification.consultant_name AS SELECT p.consultant_id, p.name, p.folded FROM certification.profile p;
