-- name: training
-- Facts of people ($1) of the types {{of_people}}, with their voids, up to a position ($2), and of their exam
-- registrations. A score lies in the stream of its registration: it may be recorded before that names a person.
WITH of_person AS (
    SELECT e.consultant_id AS target_id, e.notification_id, e.append_position, e.topic, e.state, e.originator_id
    FROM unnest($1::text[]) AS person (consultant_id)
    JOIN certification.stored_events e ON e.consultant_id = person.consultant_id COLLATE "C"
    WHERE e.topic IN ({{of_people}}) AND e.notification_id <= $2{{only}}
),
registration AS (
    SELECT DISTINCT p.target_id, p.originator_id FROM of_person p WHERE p.topic = {registered}
)
SELECT p.target_id, p.notification_id, p.append_position, p.topic, p.state FROM of_person p
UNION ALL
SELECT r.target_id, e.notification_id, e.append_position, e.topic, e.state
FROM registration r JOIN certification.stored_events e ON e.originator_id = r.originator_id
WHERE e.topic IN ({of_registrations}) AND e.notification_id <= $2
    AND ({{also}}e.consultant_id IS DISTINCT FROM r.target_id)
ORDER BY target_id, notification_id
