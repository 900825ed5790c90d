-- Each page is read from an index that has the order of the page, with a scan for each value that is asked for. The scan ends with the
-- last row of the page. So a page costs the same without statistics, and however many rows do not belong to it.

-- name: row
-- What a list shows of a standing `s`; the moment `known` in the first row.
{moment}, s.partner_id, n.name, s.product, s.status, s.since, s.headcount, s.minimum, s.shortfall, s.reason_rule, s.reason_text,
s.lost_consultant_id, c.name, s.lost_at, s.valid_to

-- name: names
-- Of the partner, and of who was lost.
LEFT JOIN certification.partner_name n ON n.partner_id = s.partner_id
LEFT JOIN certification.consultant_name c ON c.consultant_id = s.lost_consultant_id

-- name: segment
-- The standing contains the instant `known.at`.
s.valid_from <= known.at AND (s.valid_to IS NULL OR s.valid_to > known.at)

-- name: page
-- Standings after a partner (`id`) and product, in order of partners and products.
SELECT s.* FROM standing s WHERE (s.partner_id, s.product) > ({{id}}, {{product}}) AND {segment} {{filter}}
ORDER BY s.partner_id, s.product LIMIT {{limit}}

-- name: page_of_statuses
-- Reads a page of each status ({{statuses}}) after a partner (`id`) and product, and merges them. For each status: a page of the standings that held when they were written,
-- and a page for each instant at which standings have begun since. Only the indexes over statuses have these orders. The first row
-- of another status or instant ends the scan.
SELECT s.* FROM unnest({{statuses}}::text[]) wanted (status) CROSS JOIN LATERAL (
    (SELECT s.* FROM standing s
     WHERE NOT s.ahead AND (s.status, s.partner_id, s.product) > (wanted.status, {{id}}, {{product}}) AND s.status <= wanted.status
        AND {segment} {{filter}}
     ORDER BY s.status, s.partner_id, s.product LIMIT {{limit}})
    UNION ALL
    (SELECT s.* FROM (
        WITH RECURSIVE beginning (at) AS (
            (SELECT s.valid_from FROM standing s
             WHERE s.ahead AND s.status = wanted.status AND s.valid_from <= known.at ORDER BY s.valid_from LIMIT 1)
            UNION ALL
            SELECT later.valid_from FROM beginning b CROSS JOIN LATERAL (
                SELECT s.valid_from FROM standing s
                WHERE s.ahead AND s.status = wanted.status AND s.valid_from > b.at AND s.valid_from <= known.at
                ORDER BY s.valid_from LIMIT 1
            ) later
        ) SELECT b.at FROM beginning b
     ) begun CROSS JOIN LATERAL (
        SELECT s.* FROM standing s
        WHERE s.ahead AND (s.status, s.valid_from, s.partner_id, s.product) > (wanted.status, begun.at, {{id}}, {{product}})
            AND (s.status, s.valid_from) <= (wanted.status, begun.at) AND {segment} {{filter}}
        ORDER BY s.status, s.valid_from, s.partner_id, s.product LIMIT {{limit}}
     ) s)
) s ORDER BY s.partner_id, s.product LIMIT {{limit}}

-- name: in_order
ORDER BY s.partner_id, s.product

-- name: partners
-- The moment, and standings in order of partners and products. `page`: one of those above.
SELECT {row} FROM ({present}) known
LEFT JOIN LATERAL (SELECT s.*, row_number() OVER ({in_order}) AS row FROM ({{page}}) s) s ON true {names} ORDER BY s.row

-- name: of_found
-- A page of the standings of the partners `found` after a partner (`id`) and product. It finds no more partners than it takes: they are
-- in order.
SELECT s.* FROM ({{found}}) f CROSS JOIN LATERAL (
    SELECT s.* FROM standing s
    WHERE s.partner_id = f.partner_id AND (s.partner_id, s.product) > ({{id}}, {{product}}) AND {segment} {{filter}} OFFSET 0
) s ORDER BY f.partner_id, s.product LIMIT {{limit}}

-- name: next_partners
SELECT m.partner_id FROM mentioned_partner m WHERE m.partner_id >= {{id}} ORDER BY m.partner_id LIMIT {{limit}}

-- name: holding
-- Those of the partners `walked` whose id or name holds $7.
SELECT w.partner_id FROM ({{walked}}) w LEFT JOIN certification.partner_name n ON n.partner_id = w.partner_id
WHERE {holds_part_of_walked} ORDER BY w.partner_id LIMIT {{limit}} + 1

-- name: partners_found
-- The partners that the indexes over the parts of names and ids find; they are few.
SELECT f.partner_id COLLATE "C" AS partner_id FROM partners_found($7) f (partner_id)
WHERE f.partner_id COLLATE "C" >= {{id}} ORDER BY 1

-- name: standings_holding
-- Those of the standings `walked` whose partner's id or name holds $7.
SELECT s.* FROM ({{walked}}) s LEFT JOIN certification.partner_name n ON n.partner_id = s.partner_id
WHERE {holds_part} {in_order} LIMIT {{limit}}

-- name: window
-- What a list shows of a window `w`, as it is at `known.at`; the moment `known` in the first row.
{moment_of_window}, w.deadline_at, w.partner_id, n.name, w.product, w.number, w.deadline_on, w.opened_at,
CASE WHEN w.closed_at <= known.at THEN w.closed_at END, {outcome}, w.policy_id,
CASE WHEN w.closed_at <= known.at THEN NULL
    WHEN w.deadline_at > known.at THEN least(w.deadline_at, w.closed_at)
    ELSE w.closed_at END

-- name: suspended
-- The suspensions at `known.at`. `since` can be earlier than `valid_from`.
SELECT s.* FROM standing s WHERE s.status = 'suspended' AND {segment} {{filter}}

-- name: latest_first
ORDER BY s.since DESC, s.partner_id, s.product

-- name: suspensions
-- The moment ($5: of the snapshot that is read, null: the present), and suspensions, the latest first, after the one of an instant (null:
-- from the latest), partner and product ($1 to $3). Only the index over suspensions has this order. Thousands can begin at one midnight:
-- the second part finds the place among them. (With `since =` the planner could walk over all standings in the order of partners.)
SELECT {row} FROM ({moment_of_suspensions}) known
LEFT JOIN LATERAL (SELECT s.*, row_number() OVER ({latest_first}) AS row FROM (
    ({suspended} AND s.since < coalesce($1, known.at) {latest_first} LIMIT $4)
    UNION ALL
    ({suspended} AND s.since <= coalesce($1, known.at) AND s.since >= coalesce($1, known.at)
        AND (s.partner_id, s.product) > ($2, $3) {latest_first} LIMIT $4)
) s {latest_first} LIMIT $4) s ON true {names} ORDER BY s.row

-- name: by_deadline
ORDER BY w.deadline_at, w.partner_id, w.product, w.number LIMIT $6

-- name: windows
-- The moment ($5: of the snapshot that is read, null: the present), and a page of windows after a deadline (`after`), partner, product and
-- number ($2 to $4). It merges the windows that had opened when they were written (`opened`, and some more of them in `closing`) with a
-- page for each instant at which windows have opened since.
SELECT {window} FROM ({moment_of_windows}) known
LEFT JOIN LATERAL (
    SELECT w.*, row_number() OVER (ORDER BY w.deadline_at, w.partner_id, w.product, w.number) AS row FROM (
        ({{opened}})
        UNION ALL
        ({{closing}})
        UNION ALL
        (SELECT w.* FROM (
            WITH RECURSIVE opening (at) AS (
                (SELECT w.opened_at FROM replacement_window w
                 WHERE w.ahead AND w.opened_at <= known.at ORDER BY w.opened_at LIMIT 1)
                UNION ALL
                SELECT later.opened_at FROM opening o CROSS JOIN LATERAL (
                    SELECT w.opened_at FROM replacement_window w
                    WHERE w.ahead AND w.opened_at > o.at AND w.opened_at <= known.at ORDER BY w.opened_at LIMIT 1
                ) later
            ) SELECT o.at FROM opening o
         ) begun CROSS JOIN LATERAL (
            SELECT w.* FROM replacement_window w
            WHERE w.ahead AND w.opened_at <= begun.at
                AND (w.opened_at, w.deadline_at, w.partner_id, w.product, w.number) > (begun.at, {{after}}, $2, $3, $4) {{filter}}
            ORDER BY w.opened_at, w.deadline_at, w.partner_id, w.product, w.number LIMIT $6
         ) w)
    ) w {by_deadline}
) w ON true LEFT JOIN certification.partner_name n ON n.partner_id = w.partner_id ORDER BY w.row

-- name: after_place
NOT w.ahead AND (w.deadline_at, w.partner_id, w.product, w.number) > ({{after}}, $2, $3, $4) {{filter}}

-- name: any_opened
SELECT w.* FROM replacement_window w WHERE {after_place} {by_deadline}

-- name: none_closing
SELECT w.* FROM replacement_window w WHERE false

-- name: unclosed
-- Ordered by the outcome, which is null here, so that only the index over outcomes has this order.
SELECT w.* FROM replacement_window w WHERE w.closed_outcome IS NULL AND {after_place}
ORDER BY w.closed_outcome, w.deadline_at, w.partner_id, w.product, w.number LIMIT $6

-- name: closing
-- The windows that are known to close later than `known.at`; they are few. PostgreSQL expects many and would not use their index. A limit that
-- is never reached makes it use the index.
SELECT w.* FROM (
    SELECT w.* FROM replacement_window w
    WHERE w.closed_at IS NOT NULL AND NOT w.ahead AND w.closed_at > known.at ORDER BY w.closed_at LIMIT 1000000 * $6
) w WHERE {after_place} {by_deadline}

-- name: closed
SELECT w.* FROM replacement_window w
WHERE NOT w.ahead AND w.closed_outcome <= {{closed}}
    AND (w.closed_outcome, w.deadline_at, w.partner_id, w.product, w.number) > ({{closed}}, {{after}}, $2, $3, $4) {{filter}}
ORDER BY w.closed_outcome, w.deadline_at, w.partner_id, w.product, w.number LIMIT $6
