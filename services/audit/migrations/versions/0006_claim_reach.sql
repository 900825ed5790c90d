-- An export ends before the first claim that was judged from a later fact, or by a later engine. This table finds that claim without
-- walking the claims before it.

CREATE TABLE audit.claim_reach (
    engine text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (engine, position)
);
COMMENT ON TABLE audit.claim_reach IS 'The claims that were judged from more facts than all earlier claims of their engine.';
COMMENT ON COLUMN audit.claim_reach.number IS 'Of the claim; it rises with the position.';

CREATE FUNCTION audit.note_claim_reach() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO audit.claim_reach (engine, position, number)
    SELECT r.engine, r.position, r.number FROM (
        SELECT c.engine, c.position, c.number, max(c.position) OVER (
            PARTITION BY c.engine ORDER BY c.number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
        FROM recorded c
    ) r
    WHERE r.position > greatest(r.before, (
        SELECT k.position FROM audit.claim_reach k WHERE k.engine = r.engine ORDER BY k.position DESC LIMIT 1
    ), -1);
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION audit.note_claim_reach() FROM PUBLIC;
CREATE TRIGGER note_reach AFTER INSERT ON audit.claim REFERENCING NEW TABLE AS recorded
    FOR EACH STATEMENT EXECUTE FUNCTION audit.note_claim_reach();

INSERT INTO audit.claim_reach (engine, position, number)
SELECT r.engine, r.position, r.number FROM (
    SELECT c.engine, c.position, c.number, max(c.position) OVER (
        PARTITION BY c.engine ORDER BY c.number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM audit.claim c
) r
WHERE r.position > coalesce(r.before, -1);

DO $$
BEGIN
    IF to_regrole('sagecert_auditor') IS NOT NULL THEN
        GRANT SELECT ON audit.claim_reach TO sagecert_auditor;
    END IF;
END $$;
