-- The facts that issue and revoke API keys are read often, and apart from all others.
CREATE INDEX stored_events_key_idx ON certification.stored_events (notification_id)
    WHERE topic IN ('com.sage.partnercloud.key-issued.v1', 'com.sage.partnercloud.key-revoked.v1');
