-- What lists say of a standing without its answer: since when, why, and who was lost. A rebuild writes them; it follows, for
-- another engine derives.
ALTER TABLE standing
    ADD COLUMN since timestamptz,
    ADD COLUMN reason_rule text NOT NULL DEFAULT '',
    ADD COLUMN reason_text text NOT NULL DEFAULT '',
    ADD COLUMN lost_consultant_id text COLLATE "C",
    ADD COLUMN lost_at timestamptz;
ALTER TABLE standing ALTER COLUMN reason_rule DROP DEFAULT, ALTER COLUMN reason_text DROP DEFAULT;
COMMENT ON COLUMN standing.since IS 'Since when the status holds; null: it never was another.';
COMMENT ON COLUMN standing.reason_rule IS 'The first reason: its rule.';
COMMENT ON COLUMN standing.reason_text IS 'The first reason: its sentence.';
COMMENT ON COLUMN standing.lost_consultant_id IS 'Who ceased to count last, and does not count.';
COMMENT ON COLUMN standing.lost_at IS 'When it ceased to count.';

-- Names are read from certification, whose migrations come before the roles of compliance are made.
DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['sagecert_compliance', 'sagecert_compliance_reader'] LOOP
        IF to_regrole(service) IS NOT NULL THEN
            EXECUTE format('GRANT SELECT ON certification.partner_name, certification.consultant_name TO %I', service);
            EXECUTE format('GRANT EXECUTE ON FUNCTION certification.partners_named(text),
                certification.consultants_named(text) TO %I', service);
        END IF;
    END LOOP;
END $$;
