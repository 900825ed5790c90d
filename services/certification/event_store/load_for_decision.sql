-- Everything that a decision may depend on, as of one snapshot, with the clock and what the key already stands for.
--
-- $1 consultant_id   whom the decision is about; null: whose registration the stream $2 is, unless it is voided
-- $2 originator_id   a stream that is loaded whole, of a registration or a portal change
-- $3 fact_id         a fact that is to be voided: it is loaded, and its void
-- $4 actor, $5 key   the receipt of an earlier call under this key is loaded
-- $6 product, $7 portal_change_id   what the fact is about; null: what the registration is for
-- $8 effective_at    of the fact; null: now
-- $9 extent          what of this product the decision may change:
--                    'part': what the stream or the fact itself grants;
--                    'course': nothing, or everything, if no course was completed earlier;
--                    'whole': everything. Maintenance for a portal change is always looked at whole.
--
-- Of a person's facts only those that are not voided are loaded, and of these: the course or training that was
-- completed first; in part, the first revocation at or after each pass; the last statement about each grant.
WITH registration AS MATERIALIZED (
    SELECT e.consultant_id, convert_from(e.state, 'UTF8')::jsonb -> 'data' AS data
    FROM certification.stored_events e
    WHERE e.originator_id = $2 AND e.topic = 'com.sage.partnercloud.exam-registered.v1'
        AND NOT EXISTS (SELECT FROM certification.stored_events v WHERE v.voided_fact_id = e.fact_id)
    LIMIT 1
),
about AS MATERIALIZED (
    SELECT clock.now, clock.running, coalesce($8::timestamptz, clock.now) AS at,
        coalesce($1::text, r.consultant_id) AS person,
        CASE WHEN $6::text IS NULL THEN (r.data ->> 'product') || ' ' || coalesce(r.data ->> 'portal_change_id', '')
             ELSE $6 || ' ' || coalesce($7::text, '') END AS duty
    FROM certification.clock() clock LEFT JOIN registration r ON true
),
-- The person's last fact. Compared as a pair, so that PostgreSQL never looks for it from the end of the whole log.
seen AS MATERIALIZED (
    SELECT CASE WHEN last.consultant_id = a.person THEN last.notification_id ELSE 0 END AS consultant_seen
    FROM about a LEFT JOIN LATERAL (
        SELECT e.consultant_id, e.notification_id FROM certification.stored_events e
        WHERE e.consultant_id IS NOT NULL
            AND (e.consultant_id, e.notification_id) <= (a.person, 9223372036854775807)
        ORDER BY e.consultant_id DESC, e.notification_id DESC
        LIMIT 1
    ) last ON true
),
course AS MATERIALIZED (
    SELECT e.notification_id, e.effective_at
    FROM about a JOIN certification.stored_events e
        ON e.consultant_id = a.person AND certification.duty_named(e.state) = a.duty
        AND e.topic = 'com.sage.partnercloud.course-completed.v1'
    WHERE e.fact_id IS DISTINCT FROM $3
        AND NOT EXISTS (SELECT FROM certification.stored_events v WHERE v.voided_fact_id = e.fact_id)
    ORDER BY e.effective_at, e.notification_id
    LIMIT 1
),
whole AS MATERIALIZED (
    SELECT a.* FROM about a
    WHERE a.duty NOT LIKE '% ' OR $9::text = 'whole'
        OR ($9 = 'course' AND NOT EXISTS (SELECT FROM course c WHERE c.effective_at <= a.at))
),
part AS MATERIALIZED (
    SELECT a.* FROM about a WHERE $9 = 'part' AND a.duty LIKE '% '
),
streams AS MATERIALIZED (
    SELECT $2 AS originator_id WHERE $2 IS NOT NULL
    UNION
    SELECT e.originator_id
    FROM whole w JOIN certification.stored_events e
        ON e.consultant_id = w.person AND certification.duty_named(e.state) = w.duty
        AND e.topic = 'com.sage.partnercloud.exam-registered.v1'
),
positions AS MATERIALIZED (
    SELECT e.notification_id FROM streams JOIN certification.stored_events e USING (originator_id)
    UNION
    SELECT c.notification_id FROM course c
    UNION
    SELECT e.notification_id
    FROM whole w JOIN certification.stored_events e
        ON e.consultant_id = w.person AND certification.duty_named(e.state) = w.duty
        AND e.topic IN (
            'com.sage.partnercloud.certification-recognised.v1', 'com.sage.partnercloud.revocation-ordered.v1')
    WHERE NOT EXISTS (SELECT FROM certification.stored_events v WHERE v.voided_fact_id = e.fact_id)
    UNION
    SELECT revocation.notification_id
    FROM part p CROSS JOIN LATERAL (
        SELECT p.at
        UNION
        SELECT e.effective_at FROM certification.stored_events e
        WHERE e.originator_id = $2 AND e.topic = 'com.sage.partnercloud.attempt-scored.v1'
    ) passed (at) CROSS JOIN LATERAL (
        SELECT e.notification_id FROM certification.stored_events e
        WHERE e.consultant_id = p.person AND certification.duty_named(e.state) = p.duty
            AND e.topic = 'com.sage.partnercloud.revocation-ordered.v1' AND e.effective_at >= passed.at
            AND NOT EXISTS (SELECT FROM certification.stored_events v WHERE v.voided_fact_id = e.fact_id)
        ORDER BY e.effective_at, e.notification_id
        LIMIT 1
    ) revocation
    UNION
    SELECT statement.notification_id
    FROM about a CROSS JOIN LATERAL (
        SELECT a.duty AS name
        UNION
        SELECT $3
        UNION
        SELECT e.fact_id FROM certification.stored_events e
        WHERE e.originator_id = $2 AND e.topic = 'com.sage.partnercloud.attempt-scored.v1'
    ) subject CROSS JOIN LATERAL (
        -- Not the plain maximum: PostgreSQL would look for that from the end of the whole log.
        SELECT max(e.notification_id + 0) AS notification_id FROM certification.stored_events e
        WHERE e.consultant_id = a.person AND certification.statement_named(e.state) = subject.name COLLATE "default"
            AND e.topic IN (
                'com.sage.partnercloud.consultant-certified.v1', 'com.sage.partnercloud.certification-revoked.v1',
                'com.sage.partnercloud.maintenance-completed.v1')
    ) statement
    UNION
    SELECT statement.notification_id
    FROM whole w CROSS JOIN LATERAL (
        SELECT DISTINCT ON (certification.statement_named(e.state)) e.notification_id, e.state
        FROM certification.stored_events e
        WHERE e.consultant_id = w.person
            AND e.topic IN (
                'com.sage.partnercloud.consultant-certified.v1', 'com.sage.partnercloud.certification-revoked.v1',
                'com.sage.partnercloud.maintenance-completed.v1')
        ORDER BY certification.statement_named(e.state), e.notification_id DESC
    ) statement
    WHERE w.duty LIKE '% ' AND certification.duty_named(statement.state) = w.duty
    UNION
    SELECT e.notification_id FROM certification.stored_events e WHERE e.fact_id = $3
    UNION
    SELECT e.notification_id FROM certification.stored_events e WHERE e.voided_fact_id = $3
    UNION
    SELECT e.notification_id FROM certification.stored_events e WHERE e.actor = $4 AND e.idempotency_key = $5
)
SELECT a.now, a.running, a.person, s.consultant_seen,
    t.salt, e.actor = $4 AND e.idempotency_key = $5,
    e.topic, e.state, e.notification_id, e.append_position, e.originator_id, e.originator_version,
    e.partner_id, e.into_partner_id, e.consultant_id, e.held, e.content_hash
FROM about a CROSS JOIN seen s
LEFT JOIN (positions JOIN certification.stored_events e USING (notification_id)) ON true
LEFT JOIN certification.free_text t ON t.fact_id = e.fact_id AND e.actor = $4 AND e.idempotency_key = $5
ORDER BY e.notification_id
