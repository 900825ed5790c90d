-- Facts that wait for another one (R35): a score for its registration, a correction for its attempt or its portal change.
--
-- $1 after    a position: the facts that wait since a later one are listed
-- $2 at most  so many positions since which facts may wait are looked at
--
-- A fact waits since it was recorded as held, or since the void that took away what it needs. Of the facts before such a
-- void the first thousand of the stream are looked at. Every row has the last position that was looked at, and whether
-- there may be more; one row without a fact stands for none.
WITH candidate AS MATERIALIZED (
    SELECT e.notification_id, e.originator_id, e.recorded_at, coalesce(e.held, false) AS held, e.voided_fact_id
    FROM certification.stored_events e
    WHERE (e.held OR (
            e.topic = 'com.sage.partnercloud.fact-voided.v1'
            AND (starts_with(e.originator_id, 'exam_registration-') OR starts_with(e.originator_id, 'portal_change-'))))
        AND e.notification_id > $1
    ORDER BY e.notification_id
    LIMIT $2
),
-- Of each stream, what is there for others to need.
present AS MATERIALIZED (
    SELECT s.originator_id, found.*
    FROM (SELECT DISTINCT c.originator_id FROM candidate c) s CROSS JOIN LATERAL (
        SELECT coalesce(bool_or(e.topic = 'com.sage.partnercloud.exam-registered.v1'), false) AS registered,
            coalesce(bool_or(e.topic = 'com.sage.partnercloud.portal-change-declared.v1'), false) AS declared,
            coalesce(array_agg(e.data ->> 'attempt') FILTER (WHERE e.data ? 'attempt'), '{}') AS attempts
        FROM (
            SELECT f.topic, convert_from(f.state, 'UTF8')::jsonb -> 'data' AS data
            FROM certification.stored_events f
            WHERE f.originator_id = s.originator_id
                AND f.topic IN (
                    'com.sage.partnercloud.exam-registered.v1', 'com.sage.partnercloud.attempt-scored.v1',
                    'com.sage.partnercloud.portal-change-declared.v1')
                AND NOT EXISTS (SELECT FROM certification.stored_events v WHERE v.voided_fact_id = f.fact_id)
            LIMIT 1000
        ) e
    ) found
),
-- The last void of a stream that took away what others need; facts that were held before it wait since then.
last_void AS MATERIALIZED (
    SELECT p.originator_id, (
        SELECT max(v.notification_id)
        FROM certification.stored_events v JOIN certification.stored_events t ON t.fact_id = v.voided_fact_id
        WHERE v.originator_id = p.originator_id AND v.topic = 'com.sage.partnercloud.fact-voided.v1'
            AND t.topic IN (
                'com.sage.partnercloud.exam-registered.v1', 'com.sage.partnercloud.attempt-scored.v1',
                'com.sage.partnercloud.portal-change-declared.v1')
    ) AS notification_id
    FROM present p
),
waiting AS MATERIALIZED (
    SELECT c.notification_id AS since_position, c.recorded_at AS since, p.registered, p.declared, p.attempts,
        f.topic, f.fact_id, f.notification_id, f.recorded_at, f.effective_at,
        convert_from(f.state, 'UTF8')::jsonb -> 'data' AS data
    FROM candidate c JOIN present p USING (originator_id) JOIN last_void l USING (originator_id)
    CROSS JOIN LATERAL (
        SELECT e.topic, e.fact_id, e.notification_id, e.recorded_at, e.effective_at, e.state
        FROM certification.stored_events e
        WHERE c.held AND c.notification_id > coalesce(l.notification_id, 0) AND e.notification_id = c.notification_id
        UNION ALL
        (SELECT e.topic, e.fact_id, e.notification_id, e.recorded_at, e.effective_at, e.state
        FROM certification.stored_events e
        WHERE NOT c.held AND c.notification_id = l.notification_id
            AND e.originator_id = c.originator_id AND e.notification_id < c.notification_id
        LIMIT 1000)
    ) f
    WHERE NOT EXISTS (SELECT FROM certification.stored_events v WHERE v.voided_fact_id = f.fact_id)
)
SELECT w.since, w.topic, w.fact_id, w.notification_id, w.recorded_at, w.effective_at,
    w.data ->> 'registration_id',
    CASE WHEN w.topic = 'com.sage.partnercloud.score-corrected.v1' THEN (w.data ->> 'attempt')::integer END,
    w.data ->> 'portal_change_id',
    looked.through, looked.more
FROM (SELECT max(c.notification_id) AS through, count(*) = $2 AS more FROM candidate c) looked
LEFT JOIN waiting w ON CASE w.topic
    WHEN 'com.sage.partnercloud.attempt-scored.v1' THEN NOT w.registered
    WHEN 'com.sage.partnercloud.score-corrected.v1' THEN NOT (w.registered AND w.data ->> 'attempt' = ANY (w.attempts))
    WHEN 'com.sage.partnercloud.portal-change-corrected.v1' THEN NOT w.declared
    ELSE false END
ORDER BY w.since_position, w.notification_id
