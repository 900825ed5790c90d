-- Facts that were held, and voids after which others wait: few among all, in the order of the log.
CREATE INDEX stored_events_waiting_idx ON certification.stored_events (notification_id)
    WHERE held OR (
        topic = 'com.sage.partnercloud.fact-voided.v1'
        AND (starts_with(originator_id, 'exam_registration-') OR starts_with(originator_id, 'portal_change-')));
