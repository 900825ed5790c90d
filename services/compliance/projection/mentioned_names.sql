-- name: people
INSERT INTO mentioned_consultant SELECT DISTINCT e.consultant_id FROM certification.stored_events e
WHERE e.consultant_id IS NOT NULL AND e.notification_id <= $1

-- name: partners
INSERT INTO mentioned_partner SELECT DISTINCT partner_id FROM standing
