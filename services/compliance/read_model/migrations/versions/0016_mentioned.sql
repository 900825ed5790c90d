-- The partners and people whom a fact names, each once: lists of people begin here, and ids are found by their parts.

CREATE TABLE mentioned_partner (
    partner_id text COLLATE "C" NOT NULL,
    CONSTRAINT mentioned_partner_pkey PRIMARY KEY (partner_id)
);
COMMENT ON TABLE mentioned_partner IS 'Every partner that has a standing.';

CREATE TABLE mentioned_consultant (
    consultant_id text COLLATE "C" NOT NULL,
    CONSTRAINT mentioned_consultant_pkey PRIMARY KEY (consultant_id)
);
COMMENT ON TABLE mentioned_consultant IS 'Everybody whom a fact names that is applied for every partner.';

INSERT INTO mentioned_partner SELECT DISTINCT s.partner_id FROM standing s;
INSERT INTO mentioned_consultant
SELECT DISTINCT e.consultant_id FROM certification.stored_events e
WHERE e.consultant_id IS NOT NULL AND e.notification_id <= (SELECT p.position FROM progress p);

CREATE INDEX mentioned_partner_parts_idx ON mentioned_partner USING gin (certification.parts(lower(partner_id)))
    WITH (fastupdate = off);
CREATE INDEX mentioned_consultant_parts_idx ON mentioned_consultant USING gin (certification.parts(lower(consultant_id)))
    WITH (fastupdate = off);

-- Whose id or name holds this part. An index of this kind is read through a bitmap only.
CREATE FUNCTION partners_found(part text) RETURNS SETOF text LANGUAGE plpgsql STABLE ROWS 20 SET enable_bitmapscan = on
AS $$
BEGIN
    RETURN QUERY SELECT m.partner_id FROM mentioned_partner m
        WHERE certification.parts(lower(m.partner_id)) @> (SELECT certification.parts_to_find(certification.folded(part)))
            AND lower(m.partner_id) LIKE (SELECT certification.holding(part))
        UNION SELECT certification.partners_named(part);
END $$;
CREATE FUNCTION consultants_found(part text) RETURNS SETOF text LANGUAGE plpgsql STABLE ROWS 20 SET enable_bitmapscan = on
AS $$
BEGIN
    RETURN QUERY SELECT m.consultant_id FROM mentioned_consultant m
        WHERE certification.parts(lower(m.consultant_id)) @> (SELECT certification.parts_to_find(certification.folded(part)))
            AND lower(m.consultant_id) LIKE (SELECT certification.holding(part))
        UNION SELECT certification.consultants_named(part);
END $$;

DO $$
BEGIN
    IF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT SELECT ON mentioned_partner, mentioned_consultant TO sagecert_compliance;
    END IF;
    IF to_regrole('sagecert_follower') IS NOT NULL THEN
        GRANT SELECT, INSERT ON mentioned_partner, mentioned_consultant TO sagecert_follower;
    ELSIF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT INSERT ON mentioned_partner, mentioned_consultant TO sagecert_compliance;
    END IF;
END $$;
