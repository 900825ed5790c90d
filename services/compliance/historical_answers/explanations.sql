-- name: named
-- The facts of these ids ($1).
SELECT e.topic, e.state, e.notification_id, e.append_position
FROM unnest($1::text[]) n (fact_id) JOIN certification.stored_events e ON e.fact_id = n.fact_id COLLATE "C"
ORDER BY e.notification_id
