-- The registrations of a person are listed latest first, however many other facts there are about the person.
CREATE INDEX stored_events_registrations_idx ON certification.stored_events (consultant_id, notification_id)
    WHERE topic = 'com.sage.partnercloud.exam-registered.v1';
