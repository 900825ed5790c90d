-- Each page looks at a bounded number of people or duties, in the order of an index.

-- name: everybody
SELECT m.consultant_id FROM mentioned_consultant m WHERE m.consultant_id >= {{id}}
ORDER BY m.consultant_id LIMIT {{limit}}

-- name: holding
-- Those of the people `walked` whose id or name holds `part`.
SELECT e.consultant_id FROM ({{walked}}) e
LEFT JOIN certification.consultant_name n ON n.consultant_id = e.consultant_id
WHERE {holds_part} ORDER BY e.consultant_id

-- name: found
-- The people that the indexes over the parts of names and ids find.
SELECT m.consultant_id FROM consultants_found({{part}}) f (consultant_id)
JOIN mentioned_consultant m ON m.consultant_id = f.consultant_id
WHERE m.consultant_id >= {{id}} ORDER BY m.consultant_id

-- name: linked
-- The people linked to the partner `partner` at `known.at`.
SELECT l.consultant_id FROM consultant_link l
WHERE l.partner_id = {{partner}} AND l.consultant_id >= $1 AND width_bucket(known.at, l.linked) % 2 = 1
ORDER BY l.consultant_id

-- name: linked_holding
SELECT l.consultant_id FROM ({{linked}}) l
LEFT JOIN certification.consultant_name n ON n.consultant_id = l.consultant_id
WHERE {holds_part_of_linked} ORDER BY l.consultant_id

-- name: page
-- The first of `people` and their products after a person (`id`) and product. Nothing is derived for a person who never counted for
-- a partner: one row without a product says so, until the cursor is behind all products.
SELECT m.consultant_id, c.product, c.certified FROM ({{people}}) m
LEFT JOIN LATERAL (
    SELECT DISTINCT ON (c.product) c.product, c.certified FROM consultant_certification c
    WHERE c.consultant_id = m.consultant_id ORDER BY c.product
) c ON true
WHERE CASE WHEN c.product IS NULL THEN {{uncounted}} AND (m.consultant_id > {{id}} OR {{product}} < '~')
    ELSE (m.consultant_id, c.product) > ({{id}}, {{product}}) {{filter}} END
ORDER BY m.consultant_id, c.product LIMIT {{limit}}

-- name: counts
-- Where the person of `w` counts at `known.at`, and when that changes.
SELECT min(l.partner_id) FILTER (WHERE l.place % 2 = 1) AS partner_id, min(l.counting[l.place + 1]) AS changes_at
FROM (
    SELECT l.partner_id, l.counting, width_bucket(known.at, l.counting) AS place FROM consultant_link l
    WHERE {{first}} l.consultant_id = w.consultant_id OFFSET 0
) l

-- name: looked_until
-- The last of the next $5 people; null: there are fewer.
SELECT CASE WHEN count(*) = $5::bigint THEN max(e.consultant_id) END FROM (
    SELECT m.consultant_id FROM mentioned_consultant m WHERE m.consultant_id >= $1
    ORDER BY m.consultant_id LIMIT $5::bigint
) e

-- name: people
-- The moment ($4: of the snapshot that is read, null: the present), in the first row, with the last of $5 people where these do not fill
-- the page and more follow; and a page, as a list shows it. Only the first row of a person has the columns about the person. Of whom
-- courses and passes say what it lacks, there is the position of the last fact; the first row has the table that says how far all is.
SELECT {moment_of_person}, w.consultant_id, w.product, w.first,
    CASE WHEN w.first THEN (
        SELECT n.name FROM certification.consultant_name n WHERE n.consultant_id = w.consultant_id) END,
    counts.partner_id, p.name, counts.changes_at,
    CASE WHEN w.place % 2 = 1 THEN w.certified[w.place] END, owed.due_on,
    least(w.certified[w.place + 1], owed.changes_at),
    CASE WHEN w.place % 2 = 0 AND owed.due_on IS NULL THEN (
        SELECT e.notification_id FROM certification.stored_events e
        WHERE e.consultant_id = w.consultant_id AND e.notification_id <= known.position
        ORDER BY e.notification_id DESC LIMIT 1) END,
    CASE WHEN w.row = 1 THEN (SELECT p.tableoid FROM progress p) END AS table,
    CASE WHEN w.row > 1 OR w.rows = $3 THEN NULL ELSE ({{until}}) END AS until
FROM ({moment}) known
LEFT JOIN LATERAL (
    SELECT w.*, width_bucket(known.at, w.certified) AS place, row_number() OVER in_order AS row, count(*) OVER () AS rows,
        lag(w.consultant_id) OVER in_order IS DISTINCT FROM w.consultant_id AS first
    FROM ({{page}}) w WINDOW in_order AS (ORDER BY w.consultant_id, w.product)
) w ON true
LEFT JOIN LATERAL ({{counts}}) counts ON true
LEFT JOIN LATERAL (SELECT p.name FROM certification.partner_name p WHERE p.partner_id = counts.partner_id) p ON true
LEFT JOIN LATERAL (
    SELECT min(d.due_on) FILTER (WHERE d.place % 2 = 1) AS due_on, min(d.owed[d.place + 1]) AS changes_at
    FROM (
        SELECT d.due_on, d.owed, width_bucket(known.at, d.owed) AS place FROM maintenance_duty d
        WHERE d.consultant_id = w.consultant_id AND d.product = w.product OFFSET 0
    ) d
) owed ON true
ORDER BY w.row

-- name: ending
-- The duties that are known to end later; they are few. PostgreSQL expects many and would not use their index. A limit that is never
-- reached makes it use the index.
(SELECT d.* FROM maintenance_duty d
 WHERE d.owed_until IS NOT NULL AND d.owed_until > known.at ORDER BY d.owed_until LIMIT 1000000 * $5)

-- name: is_owed
(d.due_on, d.portal_change_id, d.consultant_id, d.product) > ($1, $2, $3, $4)
AND width_bucket(known.at, d.owed) % 2 = 1 {{filter}}

-- name: by_due_day
ORDER BY d.due_on, d.portal_change_id, d.consultant_id, d.product LIMIT $5

-- name: one_of_each
SELECT DISTINCT ON (d.due_on, d.portal_change_id, d.consultant_id, d.product)
    d.due_on, d.portal_change_id, d.consultant_id, d.product

-- name: owed
-- At most $5 of what is owed, after a place ($1 to $4). The index has this order for duties without an end. Few duties end later.
({one_of_each} FROM maintenance_duty d WHERE d.owed_until IS NULL AND {is_owed} {by_due_day})
UNION ALL
({one_of_each} FROM {ending} d WHERE {is_owed} {by_due_day})

-- name: owed_of_change
-- The same for the portal change `change`, which has few due days.
(SELECT d.* FROM (
    WITH RECURSIVE due (due_on, portal_change_id) AS (
        (SELECT d.due_on, d.portal_change_id FROM maintenance_duty d
         WHERE d.owed_until IS NULL AND (d.due_on, d.portal_change_id) >= ($1, $2)
         ORDER BY d.due_on, d.portal_change_id LIMIT 1)
        UNION ALL
        SELECT later.* FROM due CROSS JOIN LATERAL (
            SELECT d.due_on, d.portal_change_id FROM maintenance_duty d
            WHERE d.owed_until IS NULL AND (d.due_on, d.portal_change_id) > (due.due_on, due.portal_change_id)
            ORDER BY d.due_on, d.portal_change_id LIMIT 1
        ) later
    ) SELECT due.due_on FROM due WHERE due.portal_change_id = {{change}}
 ) due CROSS JOIN LATERAL (
    {one_of_each} FROM maintenance_duty d
    WHERE d.owed_until IS NULL AND {is_owed}
        AND d.due_on = due.due_on AND d.portal_change_id = {{change}}
        AND (d.consultant_id, d.product) > (
            CASE WHEN (due.due_on, {{change}}) = ($1, $2) THEN $3 ELSE '' END,
            CASE WHEN (due.due_on, {{change}}) = ($1, $2) THEN $4 ELSE '' END)
    {by_due_day}
 ) d)
UNION ALL
({one_of_each} FROM {ending} d WHERE d.portal_change_id = {{change}} AND {is_owed} {by_due_day})

-- name: owed_of_partner
-- The same for the people linked to the partner `partner`.
{one_of_each}
FROM consultant_link l CROSS JOIN LATERAL (
    SELECT d.* FROM maintenance_duty d WHERE d.consultant_id = l.consultant_id AND {is_owed} OFFSET 0
) d
WHERE l.partner_id = {{partner}} AND width_bucket(known.at, l.linked) % 2 = 1
{by_due_day}

-- name: duties
-- The moment ($6: of the snapshot that is read, null: the present) and a page of what is owed (`owed`), as a list shows it.
SELECT {moment_of_duty}, w.due_on, w.portal_change_id, w.consultant_id, w.product, n.name, counts.partner_id, p.name
FROM ({moment_of_duties}) known
LEFT JOIN LATERAL (
    SELECT d.*, row_number() OVER (ORDER BY d.due_on, d.portal_change_id, d.consultant_id, d.product) AS row
    FROM ({{owed}}) d {by_due_day}
) w ON true
LEFT JOIN LATERAL (
    SELECT n.name FROM certification.consultant_name n WHERE n.consultant_id = w.consultant_id
) n ON true
LEFT JOIN LATERAL ({{counts}}) counts ON true
LEFT JOIN LATERAL (SELECT p.name FROM certification.partner_name p WHERE p.partner_id = counts.partner_id) p ON true
ORDER BY w.row
