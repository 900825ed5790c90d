-- name: training
-- Courses, exam registrations, attempts, corrections, recognitions and revocations of people ($1), with their voids, up to
-- a position ($2). A score lies in the stream of its registration: it may be recorded before that names a person.
WITH of_person AS (
    SELECT e.consultant_id AS target_id, e.notification_id, e.append_position, e.topic, e.state, e.originator_id
    FROM unnest($1::text[]) AS person (consultant_id)
    JOIN certification.stored_events e ON e.consultant_id = person.consultant_id COLLATE "C"
    WHERE e.topic IN ({of_people}) AND e.notification_id <= $2
),
registration AS (
    SELECT DISTINCT p.target_id, p.originator_id FROM of_person p WHERE p.topic = {registered}
)
SELECT p.target_id, p.notification_id, p.append_position, p.topic, p.state FROM of_person p
UNION ALL
SELECT r.target_id, e.notification_id, e.append_position, e.topic, e.state
FROM registration r JOIN certification.stored_events e ON e.originator_id = r.originator_id
WHERE e.topic IN ({of_registrations}) AND e.notification_id <= $2 AND e.consultant_id IS DISTINCT FROM r.target_id
ORDER BY target_id, notification_id

-- name: for_certification
-- The same without facts for a portal change, recognitions, and scores of other registrations: half as much is read.
WITH of_person AS (
    SELECT e.consultant_id AS target_id, e.notification_id, e.append_position, e.topic, e.state, e.originator_id
    FROM unnest($1::text[]) AS person (consultant_id)
    JOIN certification.stored_events e ON e.consultant_id = person.consultant_id COLLATE "C"
    WHERE e.topic IN ({of_certification}) AND e.notification_id <= $2
        AND position('"portal_change_id":"'::bytea IN e.state) = 0
),
registration AS (
    SELECT DISTINCT p.target_id, p.originator_id FROM of_person p WHERE p.topic = {registered}
)
SELECT p.target_id, p.notification_id, p.append_position, p.topic, p.state FROM of_person p
UNION ALL
SELECT r.target_id, e.notification_id, e.append_position, e.topic, e.state
FROM registration r JOIN certification.stored_events e ON e.originator_id = r.originator_id
WHERE e.topic IN ({of_registrations}) AND e.notification_id <= $2
    AND (e.topic <> {voided} OR e.consultant_id IS DISTINCT FROM r.target_id)
ORDER BY target_id, notification_id
