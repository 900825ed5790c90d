-- The policy is revised by facts: what finds them, and the partners whom a revision can change.

-- The last fact of the policy's streams up to a position says which policy was known there.
CREATE INDEX stored_events_policy_idx ON certification.stored_events (notification_id)
    WHERE originator_id >= 'policy-' AND originator_id < 'policy.';

-- Facts about partners as such, without those about their people: a revision is compared with these.
CREATE INDEX stored_events_enrolment_idx ON certification.stored_events (partner_id, notification_id)
    WHERE partner_id IS NOT NULL AND consultant_id IS NULL;

-- Facts that can reach partners whom they do not name, and the voids that may concern them.
DROP INDEX certification.stored_events_far_reaching_idx;
CREATE INDEX stored_events_far_reaching_idx ON certification.stored_events (notification_id)
    WHERE topic IN (
        'com.sage.partnercloud.partners-merged.v1',
        'com.sage.partnercloud.partner-closed.v1',
        'com.sage.partnercloud.portal-change-declared.v1',
        'com.sage.partnercloud.policy-revised.v1'
    ) OR (topic = 'com.sage.partnercloud.fact-voided.v1' AND consultant_id IS NULL);
