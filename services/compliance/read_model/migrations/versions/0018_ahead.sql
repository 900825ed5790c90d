-- A list of the present must not walk over the rows that would begin if no fact came. After a portal change these are nearly all rows.

ALTER TABLE standing ADD COLUMN ahead boolean NOT NULL DEFAULT false;
ALTER TABLE replacement_window ADD COLUMN ahead boolean NOT NULL DEFAULT false;

-- The first row of a partner and product begins when the partner changed last.
CREATE TEMPORARY TABLE changed ON COMMIT DROP AS
    SELECT s.partner_id, s.product, min(s.valid_from) AS at FROM standing s GROUP BY s.partner_id, s.product;
UPDATE standing s SET ahead = true FROM changed c
    WHERE s.partner_id = c.partner_id AND s.product = c.product AND s.valid_from > c.at;
UPDATE replacement_window w SET ahead = true FROM changed c
    WHERE w.partner_id = c.partner_id AND w.product = c.product AND w.opened_at > c.at;

ALTER TABLE standing ALTER COLUMN ahead DROP DEFAULT;
ALTER TABLE replacement_window ALTER COLUMN ahead DROP DEFAULT;
COMMENT ON COLUMN standing.ahead IS 'It lay ahead when the row was written: it begins if no fact comes before.';
COMMENT ON COLUMN replacement_window.ahead IS 'It lay ahead when the row was written: it begins if no fact comes before.';

DROP INDEX standing_status_idx;
CREATE INDEX standing_status_idx ON standing (status, partner_id, product) WHERE NOT ahead;
CREATE INDEX standing_ahead_idx ON standing (status, valid_from, partner_id, product) WHERE ahead;

DROP INDEX replacement_window_deadline_idx;
CREATE INDEX replacement_window_deadline_idx ON replacement_window (deadline_at, partner_id, product, number) WHERE NOT ahead;
CREATE INDEX replacement_window_outcome_idx
    ON replacement_window (closed_outcome, deadline_at, partner_id, product, number) WHERE NOT ahead;
CREATE INDEX replacement_window_closing_idx ON replacement_window (closed_at) WHERE closed_at IS NOT NULL AND NOT ahead;
DROP INDEX replacement_window_opened_idx;
CREATE INDEX replacement_window_opened_idx ON replacement_window (opened_at, partner_id) WHERE NOT ahead;
CREATE INDEX replacement_window_ahead_idx
    ON replacement_window (opened_at, deadline_at, partner_id, product, number) WHERE ahead;
