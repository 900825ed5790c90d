-- name: progress
-- For each of the partners $1: how much the people who count for it at $3 had to do for the portal change $2, and how much they still
-- owe.
SELECT l.partner_id, count(*), count(*) FILTER (WHERE width_bucket($3::timestamptz, d.owed) % 2 = 1)
FROM consultant_link l
JOIN maintenance_duty d
    ON d.consultant_id = l.consultant_id AND d.portal_change_id = $2 AND d.partner_id = l.partner_id
WHERE l.partner_id = ANY ($1)
    AND CASE WHEN l.counting = '{{}}' THEN false ELSE width_bucket($3::timestamptz, l.counting) % 2 = 1 END
    AND width_bucket($3::timestamptz, d.owed) > 0
GROUP BY l.partner_id ORDER BY l.partner_id
