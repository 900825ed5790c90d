-- name: row
-- What a list shows of a standing `s`.
s.partner_id, n.name, s.product, s.status, s.since, s.headcount, s.minimum, s.shortfall, s.reason_rule, s.reason_text,
s.lost_consultant_id, c.name, s.lost_at, s.valid_to

-- name: names
-- Of the partner, and of who was lost.
LEFT JOIN certification.partner_name n ON n.partner_id = s.partner_id
LEFT JOIN certification.consultant_name c ON c.consultant_id = s.lost_consultant_id

-- name: segment
-- The standing, after the partner $1 and product $2, that contains the instant $3.
(s.partner_id, s.product) > ($1, $2) AND s.valid_from <= $3 AND (s.valid_to IS NULL OR s.valid_to > $3)

-- name: partners
SELECT {row}
FROM standing s {names}
WHERE {segment} {{filter}}
ORDER BY s.partner_id, s.product LIMIT $4

-- name: partners_of_statuses
-- A page of each status, by its own index, then the first of all of them.
SELECT {row}
FROM (
    SELECT s.* FROM unnest($5::text[]) wanted (status) CROSS JOIN LATERAL (
        SELECT s.* FROM standing s WHERE s.status = wanted.status AND {segment} {{filter}}
        ORDER BY s.partner_id, s.product LIMIT $4
    ) s ORDER BY s.partner_id, s.product LIMIT $4
) s {names}
ORDER BY s.partner_id, s.product

-- name: partners_found
-- Who is found by name or id first: such are few.
WITH found AS MATERIALIZED (
    SELECT f.partner_id FROM (SELECT DISTINCT partner_id FROM standing WHERE partner_id >= $1) f WHERE {found}
)
SELECT {row}
FROM (SELECT f.partner_id FROM found f ORDER BY f.partner_id) f
JOIN standing s ON s.partner_id = f.partner_id {names}
WHERE {segment} {{filter}}
ORDER BY s.partner_id, s.product LIMIT $4
