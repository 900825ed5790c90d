-- The events of a type since an instant are counted, and the latest of them listed, whatever else was published since.
CREATE INDEX compliance_event_type_idx ON compliance_event (type, position);
