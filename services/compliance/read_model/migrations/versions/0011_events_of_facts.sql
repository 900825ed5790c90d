-- The events that a fact led to are found by the position of its group.
CREATE INDEX compliance_event_fact_idx ON compliance_event (fact_position, position) WHERE fact_position > 0;
