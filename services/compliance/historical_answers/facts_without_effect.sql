-- name: row
-- A reported fact that can be without effect; a void never is.
SELECT e.topic, e.state, e.notification_id, e.append_position, e.consultant_id, e.originator_id
FROM certification.stored_events e

-- name: candidates
-- The next of them after a position ($1), up to another ($2): the first, or in the other direction the last.
{row} WHERE e.notification_id > $1 AND e.notification_id <= $2 AND e.topic IN ({reported})
ORDER BY e.notification_id {direction} LIMIT $3

-- name: candidates_of_partner
-- The same of those that name a partner ($4).
({row} WHERE e.partner_id = $4 AND e.notification_id > $1 AND e.notification_id <= $2 AND e.topic IN ({reported})
 ORDER BY e.notification_id {direction} LIMIT $3)
UNION ALL
({row} WHERE e.into_partner_id = $4 AND e.partner_id <> $4 AND e.notification_id > $1 AND e.notification_id <= $2
     AND e.topic IN ({reported})
 ORDER BY e.notification_id {direction} LIMIT $3)
ORDER BY notification_id {direction} LIMIT $3

-- name: candidates_of_consultant
-- The same of those about a person ($4): a score that came before its registration does not name the person.
({row} WHERE e.consultant_id = $4 AND e.notification_id > $1 AND e.notification_id <= $2 AND e.topic IN ({reported})
 ORDER BY e.notification_id {direction} LIMIT $3)
UNION ALL
(SELECT e.topic, e.state, e.notification_id, e.append_position, e.consultant_id, e.originator_id
 FROM (SELECT DISTINCT r.originator_id FROM certification.stored_events r
       WHERE r.consultant_id = $4 AND r.topic = {registered}) s
 JOIN certification.stored_events e ON e.originator_id = s.originator_id
 WHERE e.consultant_id IS NULL AND e.notification_id > $1 AND e.notification_id <= $2 AND e.topic IN ({reported})
 ORDER BY e.notification_id {direction} LIMIT $3)
ORDER BY notification_id {direction} LIMIT $3

-- name: of_people
-- Up to a position ($3), all facts about people ($1), and the whole streams of registrations ($2), theirs and others'.
WITH person AS MATERIALIZED (
    SELECT unnest($1::text[]) COLLATE "C" AS consultant_id
    UNION
    SELECT r.consultant_id FROM unnest($2::text[]) s (originator_id)
    JOIN certification.stored_events r ON r.originator_id = s.originator_id COLLATE "C"
    WHERE r.topic = {registered} AND r.notification_id <= $3
),
stream AS MATERIALIZED (
    SELECT unnest($2::text[]) COLLATE "C" AS originator_id
    UNION
    SELECT r.originator_id FROM person p JOIN certification.stored_events r ON r.consultant_id = p.consultant_id
    WHERE r.topic = {registered} AND r.notification_id <= $3
)
SELECT e.topic, e.state, e.notification_id, e.append_position
FROM person p JOIN certification.stored_events e ON e.consultant_id = p.consultant_id
WHERE e.notification_id <= $3
UNION ALL
SELECT e.topic, e.state, e.notification_id, e.append_position
FROM stream s JOIN certification.stored_events e ON e.originator_id = s.originator_id
WHERE e.notification_id <= $3

-- name: of_colleagues
-- Up to a position ($2), the links and departures of everybody who was ever linked to partners ($1), or taken there.
WITH RECURSIVE feeder (partner_id) AS (
    SELECT unnest($1::text[]) COLLATE "C"
    UNION
    SELECT m.partner_id FROM feeder f JOIN certification.stored_events m ON m.into_partner_id = f.partner_id
),
colleague AS MATERIALIZED (
    SELECT DISTINCT l.consultant_id FROM feeder f JOIN certification.stored_events l ON l.partner_id = f.partner_id
    WHERE l.topic = {linked} AND l.notification_id <= $2
)
SELECT e.topic, e.state, e.notification_id, e.append_position
FROM colleague c JOIN certification.stored_events e ON e.consultant_id = c.consultant_id
WHERE e.topic IN ({of_links}) AND e.partner_id IS NOT NULL AND e.notification_id <= $2

-- name: of_partners
-- Up to a position ($2), the facts about partners ($1) as such, and the mergers into them.
SELECT e.topic, e.state, e.notification_id, e.append_position
FROM unnest($1::text[]) t (partner_id) JOIN certification.stored_events e ON e.partner_id = t.partner_id COLLATE "C"
WHERE e.consultant_id IS NULL AND e.notification_id <= $2
UNION ALL
SELECT e.topic, e.state, e.notification_id, e.append_position
FROM unnest($1::text[]) t (partner_id) JOIN certification.stored_events e ON e.into_partner_id = t.partner_id COLLATE "C"
WHERE e.notification_id <= $2

-- name: portal_changes
SELECT e.topic, e.state, e.notification_id, e.append_position
FROM certification.stored_events e
WHERE e.originator_id >= 'portal_change-' AND e.originator_id < 'portal_change.' AND e.topic IN ({declared})
    AND e.notification_id <= $1

-- name: partner_mentioned
SELECT EXISTS (SELECT FROM certification.stored_events e WHERE e.partner_id = $1 AND e.notification_id <= $2)
    OR EXISTS (SELECT FROM certification.stored_events e WHERE e.into_partner_id = $1 AND e.notification_id <= $2)

-- name: consultant_mentioned
SELECT EXISTS (SELECT FROM certification.stored_events e WHERE e.consultant_id = $1 AND e.notification_id <= $2)
