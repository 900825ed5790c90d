-- What `load_for_decision.sql` loads for recognitions of persons, of many calls at once: each row begins with the number of its call.
--
-- $1 consultant_ids, $2 duties   the person and the product of each call, as `certification.duty_named` says it
-- $3 effective_ats               of the facts; null: now
-- $4 actors, $5 keys             the receipt of an earlier call under this key is loaded
WITH clock AS MATERIALIZED (
    SELECT c.now, c.running FROM certification.clock() c
)
SELECT call.number, clock.now, clock.running, call.person,
    CASE WHEN last.consultant_id = call.person THEN last.notification_id ELSE 0 END,
    t.salt, e.receipt,
    e.topic, e.state, e.notification_id, e.append_position, e.originator_id, e.originator_version,
    e.partner_id, e.into_partner_id, e.consultant_id, e.held, e.content_hash
FROM clock CROSS JOIN unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
    WITH ORDINALITY AS call (person, duty, effective_at, actor, key, number)
LEFT JOIN LATERAL (
    SELECT e.consultant_id, e.notification_id FROM certification.stored_events e
    WHERE e.consultant_id IS NOT NULL
        AND (e.consultant_id, e.notification_id) <= (call.person, 9223372036854775807)
    ORDER BY e.consultant_id DESC, e.notification_id DESC
    LIMIT 1
) last ON true
LEFT JOIN LATERAL (
    SELECT true AS receipt, r.* FROM certification.stored_events r
    WHERE r.actor = call.actor AND r.idempotency_key = call.key
    UNION ALL
    SELECT false, revocation.* FROM (
        SELECT r.* FROM certification.stored_events r
        WHERE r.consultant_id = call.person AND certification.duty_named(r.state) = call.duty
            AND r.topic = 'com.sage.partnercloud.revocation-ordered.v1'
            AND r.effective_at >= coalesce(call.effective_at, clock.now)
            AND NOT EXISTS (SELECT FROM certification.stored_events v WHERE v.voided_fact_id = r.fact_id)
        ORDER BY r.effective_at, r.notification_id
        LIMIT 1
    ) revocation
) e ON true
LEFT JOIN certification.free_text t ON e.receipt AND t.fact_id = e.fact_id
ORDER BY call.number, e.notification_id
