-- The exam registrations of a person, latest first, each with the facts of its stream that were known at an instant.
--
-- $1 consultant_id
-- $2 before      the position before which they were recorded; null: the latest
-- $3 how many    registrations are looked at, at most
-- $4 known_at    facts recorded later are left out
-- $5 how many    facts of all of them: the page ends with the registration that reaches it
--
-- A registration that was voided, or recorded again, is among them. Each row says whether more follow.

-- name: registrations_of
WITH registered AS MATERIALIZED (
    SELECT e.notification_id, e.originator_id, e.fact_id
    FROM certification.stored_events e
    WHERE e.consultant_id = $1 AND e.topic = 'com.sage.partnercloud.exam-registered.v1'
        AND e.notification_id < coalesce($2::bigint, 9223372036854775807)
        AND e.notification_id <= (
            SELECT k.notification_id FROM certification.stored_events k WHERE k.recorded_at <= $4
            ORDER BY k.recorded_at DESC, k.notification_id DESC LIMIT 1)
    ORDER BY e.notification_id DESC LIMIT $3
),
sized AS (
    SELECT r.*, s.version, sum(s.version) OVER (ORDER BY r.notification_id DESC) AS facts
    FROM registered r CROSS JOIN LATERAL (
        SELECT max(e.originator_version) AS version FROM certification.stored_events e
        WHERE e.originator_id = r.originator_id
    ) s
),
looked_at AS MATERIALIZED (SELECT s.* FROM sized s WHERE s.facts - s.version < $5)
SELECT l.notification_id, l.fact_id, e.topic, e.state, m.more
FROM (
    SELECT (SELECT count(*) FROM registered) > (SELECT count(*) FROM looked_at)
        OR (SELECT count(*) FROM registered) = $3 AS more
) m
CROSS JOIN looked_at l
JOIN certification.stored_events e ON e.originator_id = l.originator_id AND e.recorded_at <= $4
ORDER BY l.notification_id DESC, e.originator_version
