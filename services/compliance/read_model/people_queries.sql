-- name: row
-- A person and a product `c`, after the person $1 and product $2, right at the instant $4.
(c.consultant_id, c.product) > ($1, $2) {{filter}}

-- name: consultants
SELECT DISTINCT ON (c.consultant_id, c.product) c.consultant_id, c.product
FROM consultant_certification c
WHERE {row} AND $4::timestamptz IS NOT NULL
ORDER BY c.consultant_id, c.product LIMIT $3

-- name: consultants_of_partner
-- Those linked to the partner $5.
SELECT c.consultant_id, c.product
FROM consultant_link l
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (c.product) c.consultant_id, c.product, c.certified FROM consultant_certification c
    WHERE c.consultant_id = l.consultant_id ORDER BY c.product
) c
WHERE l.partner_id = $5 AND l.consultant_id >= $1 AND width_bucket($4::timestamptz, l.linked) % 2 = 1 AND {row}
ORDER BY c.consultant_id, c.product LIMIT $3

-- name: certifications
SELECT DISTINCT ON (c.consultant_id, c.product) c.consultant_id, c.product, c.certified
FROM consultant_certification c WHERE c.consultant_id = ANY($1) ORDER BY c.consultant_id, c.product

-- name: links
SELECT l.consultant_id, l.partner_id, l.counting FROM consultant_link l
WHERE l.consultant_id = ANY($1) AND l.counting <> '{{}}' ORDER BY l.consultant_id, l.partner_id

-- name: duties
SELECT DISTINCT ON (d.consultant_id, d.product, d.portal_change_id)
    d.consultant_id, d.product, d.portal_change_id, d.due_on, d.owed
FROM maintenance_duty d WHERE d.consultant_id = ANY($1) ORDER BY d.consultant_id, d.product, d.portal_change_id

-- name: owed_page
-- A part of a page of what is owed at $5, after a place ($1 to $4). Where a duty has no end, its index serves.
SELECT DISTINCT ON (d.due_on, d.portal_change_id, d.consultant_id, d.product)
    d.due_on, d.portal_change_id, d.consultant_id, d.product
FROM maintenance_duty d
WHERE (d.due_on, d.portal_change_id, d.consultant_id, d.product) > ($1, $2, $3, $4)
    AND width_bucket($5::timestamptz, d.owed) % 2 = 1 {{filter}}

-- name: owed_order
ORDER BY d.due_on, d.portal_change_id, d.consultant_id, d.product LIMIT $6

-- name: owed
SELECT o.* FROM (
    ({owed_page} AND d.owed_until IS NULL {owed_order})
    UNION ALL
    ({owed_page} AND d.owed_until > $5 {owed_order})
) o ORDER BY o.due_on, o.portal_change_id, o.consultant_id, o.product LIMIT $6

-- name: linked_to
-- A condition on a duty: the person is linked to the partner.
EXISTS (
    SELECT FROM consultant_link l
    WHERE l.partner_id = {{partner}} AND l.consultant_id = d.consultant_id AND width_bucket($5::timestamptz, l.linked) % 2 = 1
)
