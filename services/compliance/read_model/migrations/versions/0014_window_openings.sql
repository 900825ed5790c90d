-- Which partners had a window that opened on a London day, for lists of windows as of another moment.
CREATE INDEX compliance_event_openings_idx
    ON compliance_event (((effective_at AT TIME ZONE 'Europe/London')::date), partner_id)
    WHERE type = 'com.sage.partnercloud.replacement-window-opened.v1';
