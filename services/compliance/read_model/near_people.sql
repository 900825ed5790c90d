-- name: people
-- The first people of the partner $1 whose links ever count there, as JSON: id, and when each counts, is certified for
-- `s.product` and owes maintenance of it.
SELECT json_agg(json_build_array(l.consultant_id, l.counting, coalesce(c.certified, '{{}}'), d.owed)
    ORDER BY l.consultant_id)::text
FROM (
    SELECT l.consultant_id, l.counting FROM consultant_link l
    WHERE l.partner_id = $1 AND l.counting <> '{{}}' ORDER BY l.consultant_id LIMIT {people_max}
) l
LEFT JOIN consultant_certification c
    ON c.consultant_id = l.consultant_id AND c.product = s.product AND c.partner_id = $1
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(d.owed ORDER BY d.portal_change_id), '[]') AS owed FROM maintenance_duty d
    WHERE d.consultant_id = l.consultant_id AND d.product = s.product AND d.partner_id = $1
) d

-- name: ranked
-- Of the people $1, of whom $2 says whether they were ever certified for the product $3, the first $5 to ask: those
-- certified before, then those with a course or an exam by the position $4.
SELECT p.consultant_id FROM unnest($1::text[], $2::boolean[]) AS p (consultant_id, certified)
ORDER BY p.certified DESC, EXISTS (
    SELECT FROM certification.stored_events e
    WHERE e.consultant_id = p.consultant_id COLLATE "C" AND e.notification_id <= $4 AND e.topic IN ({progress})
        AND convert_from(e.state, 'UTF8')::jsonb #>> '{{data,product}}' = $3
) DESC, p.consultant_id COLLATE "C"
LIMIT $5
