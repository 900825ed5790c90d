-- Columns are called what the API calls them: the place in the compliance log is its `position`.

ALTER TABLE compliance_event RENAME COLUMN position TO fact_position;
ALTER TABLE compliance_event RENAME COLUMN sequence TO position;
ALTER TABLE compliance_event RENAME COLUMN subject TO about;
COMMENT ON COLUMN compliance_event.fact_position IS 'append_position of its facts, 0 for a timer.';
COMMENT ON COLUMN compliance_event.about IS 'What it is about within the partner; empty: the partner.';

ALTER TABLE progress RENAME COLUMN sequence TO event_position;
COMMENT ON COLUMN progress.event_position IS 'The position of the last compliance event.';
ALTER TABLE policy_upgrade RENAME COLUMN sequence TO event_position;
