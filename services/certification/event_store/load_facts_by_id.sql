-- These facts and their voids, as `load_subjects.sql` loads facts.
SELECT clock.now, clock.running, 9223372036854775807, NULL::bytea, NULL::text,
    e.topic, e.state, e.notification_id, e.append_position, e.originator_id, e.originator_version,
    e.partner_id, e.into_partner_id, e.consultant_id, e.held, e.content_hash
FROM certification.clock() clock JOIN LATERAL (
    SELECT f.* FROM certification.stored_events f WHERE f.fact_id = ANY ($1::text[])
    UNION
    SELECT v.* FROM certification.stored_events v WHERE v.voided_fact_id = ANY ($1::text[])
) e ON true
ORDER BY e.notification_id
