-- Who was ever linked to a partner, as of one snapshot: the links, departures, closures and mergers of the partner and of
-- every partner whose links mergers can have moved to it, without those that are voided.
--
-- $1 partner_id
-- $2 at most     so many facts, and one more where there are more
WITH RECURSIVE source (partner_id) AS (
    SELECT $1::text COLLATE "C"
    UNION
    SELECT e.partner_id
    FROM source s JOIN certification.stored_events e ON e.into_partner_id = s.partner_id
    WHERE e.topic = 'com.sage.partnercloud.partners-merged.v1'
),
clock AS MATERIALIZED (
    SELECT c.now, c.running FROM certification.clock() c
),
-- Subqueries with a limit, so that PostgreSQL looks from each partner into the log.
found AS MATERIALIZED (
    SELECT f.* FROM source s CROSS JOIN LATERAL (
        SELECT e.topic, e.state, e.notification_id, e.append_position FROM certification.stored_events e
        WHERE e.partner_id = s.partner_id
            AND e.topic IN (
                'com.sage.partnercloud.consultant-linked.v1', 'com.sage.partnercloud.consultant-left.v1',
                'com.sage.partnercloud.partner-closed.v1', 'com.sage.partnercloud.partners-merged.v1')
            AND NOT EXISTS (SELECT FROM certification.stored_events v WHERE v.voided_fact_id = e.fact_id)
        LIMIT $2 + 1
    ) f
    LIMIT $2 + 1
)
SELECT clock.now, clock.running,
    (SELECT coalesce(max(e.originator_version), 0) FROM certification.stored_events e
     WHERE e.originator_id = 'partner-' || $1) AS seen,
    found.*
FROM clock LEFT JOIN found ON true
ORDER BY found.notification_id
