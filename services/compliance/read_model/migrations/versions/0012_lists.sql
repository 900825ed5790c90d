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
