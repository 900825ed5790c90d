-- All facts of these people and streams, for the many decisions of a batch, as of one snapshot.
--
-- $1 consultant_ids    people who are loaded whole, with the streams of their registrations
-- $2 originator_ids    streams of registrations or portal changes; the people of these registrations are loaded, too
-- $3 actor, $4 keys    the receipts of earlier calls under these keys are loaded
-- $5 at least          so many facts of each person and each stream are loaded, and one more where there are more
-- $6 shared            or a share of so many, where that is more
-- $7 known             people who are not loaded again
WITH clock AS MATERIALIZED (
    SELECT c.now, c.running FROM certification.clock() c
),
-- Subqueries with a limit, so that PostgreSQL looks from each id into the log and never from the log for ids.
of_named_stream AS MATERIALIZED (
    SELECT e.* FROM unnest($2::text[]) AS named (originator_id) CROSS JOIN LATERAL (
        SELECT s.notification_id, s.consultant_id, s.topic FROM certification.stored_events s
        WHERE s.originator_id = named.originator_id
        LIMIT greatest($5::bigint, $6::bigint / greatest(1, cardinality($2::text[]))) + 1
    ) e
),
person AS MATERIALIZED (
    (SELECT unnest($1::text[]) AS consultant_id
    UNION
    SELECT s.consultant_id FROM of_named_stream s WHERE s.topic = 'com.sage.partnercloud.exam-registered.v1')
    EXCEPT
    SELECT unnest($7::text[])
),
share AS MATERIALIZED (
    SELECT least(
        greatest($5, $6 / greatest(1, (SELECT count(*) FROM person))),
        greatest($5, $6 / greatest(1, cardinality($2::text[])))
    ) AS facts_max
),
of_person AS MATERIALIZED (
    SELECT e.* FROM share CROSS JOIN person p CROSS JOIN LATERAL (
        SELECT s.notification_id, s.originator_id, s.topic FROM certification.stored_events s
        WHERE s.consultant_id = p.consultant_id
        LIMIT share.facts_max + 1
    ) e
),
registration AS MATERIALIZED (
    SELECT DISTINCT p.originator_id FROM of_person p WHERE p.topic = 'com.sage.partnercloud.exam-registered.v1'
),
positions AS MATERIALIZED (
    SELECT p.notification_id FROM of_person p
    UNION
    SELECT s.notification_id FROM of_named_stream s
    UNION
    SELECT e.notification_id FROM share CROSS JOIN registration r CROSS JOIN LATERAL (
        SELECT s.notification_id FROM certification.stored_events s
        WHERE s.originator_id = r.originator_id
        LIMIT share.facts_max + 1
    ) e
    UNION
    SELECT e.notification_id FROM unnest($4::text[]) AS given (key) CROSS JOIN LATERAL (
        SELECT s.notification_id FROM certification.stored_events s
        WHERE s.actor = $3 AND s.idempotency_key = given.key
        LIMIT 1
    ) e
)
SELECT clock.now, clock.running, share.facts_max, t.salt, CASE WHEN e.actor = $3 THEN e.idempotency_key END AS key,
    e.topic, e.state, e.notification_id, e.append_position, e.originator_id, e.originator_version,
    e.partner_id, e.into_partner_id, e.consultant_id, e.held, e.content_hash
FROM clock CROSS JOIN share LEFT JOIN (positions JOIN certification.stored_events e USING (notification_id)) ON true
LEFT JOIN certification.free_text t ON t.fact_id = e.fact_id AND e.actor = $3
ORDER BY e.notification_id
