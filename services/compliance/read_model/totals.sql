-- name: suspended
-- An index has this order, and all the columns that are read.
SELECT FROM standing s
WHERE s.status = 'suspended' AND s.since <= $1 AND s.valid_from <= $1 AND (s.valid_to IS NULL OR s.valid_to > $1)
ORDER BY s.since DESC, s.partner_id, s.product LIMIT $4

-- name: open
-- Windows that were open when their rows were written, windows among these that close later, and windows that have opened
-- since. Indexes have these orders.
SELECT FROM (
    (SELECT FROM replacement_window w
     WHERE NOT w.ahead AND w.closed_outcome IS NULL AND w.deadline_at > $1
     ORDER BY w.closed_outcome, w.deadline_at, w.partner_id, w.product, w.number LIMIT $4)
    UNION ALL
    (SELECT FROM replacement_window w
     WHERE w.closed_at IS NOT NULL AND NOT w.ahead AND w.closed_at > $1 AND w.deadline_at > $1
     ORDER BY w.closed_at LIMIT $4)
    UNION ALL
    (SELECT FROM replacement_window w
     WHERE w.ahead AND w.opened_at <= $1 AND w.deadline_at > $1 AND (w.closed_at IS NULL OR w.closed_at > $1)
     ORDER BY w.opened_at, w.deadline_at, w.partner_id, w.product, w.number LIMIT $4)
) w LIMIT $4

-- name: closing
-- The open windows that end by $2. Those that are known to close later are few; a limit that is never reached makes PostgreSQL use their
-- index. Of those that have opened since their rows were written, each instant has its place in an index.
SELECT FROM (
    (SELECT FROM replacement_window w
     WHERE NOT w.ahead AND w.closed_outcome IS NULL AND w.deadline_at > $1 AND w.deadline_at <= $2
     ORDER BY w.closed_outcome, w.deadline_at, w.partner_id, w.product, w.number LIMIT $4)
    UNION ALL
    (SELECT FROM (
        SELECT w.deadline_at FROM replacement_window w
        WHERE w.closed_at IS NOT NULL AND NOT w.ahead AND w.closed_at > $1 ORDER BY w.closed_at LIMIT 1000000 * $4
     ) w WHERE w.deadline_at > $1 AND w.deadline_at <= $2 LIMIT $4)
    UNION ALL
    (SELECT FROM (
        WITH RECURSIVE opening (at) AS (
            (SELECT w.opened_at FROM replacement_window w
             WHERE w.ahead AND w.opened_at <= $1 ORDER BY w.opened_at LIMIT 1)
            UNION ALL
            SELECT later.opened_at FROM opening o CROSS JOIN LATERAL (
                SELECT w.opened_at FROM replacement_window w
                WHERE w.ahead AND w.opened_at > o.at AND w.opened_at <= $1 ORDER BY w.opened_at LIMIT 1
            ) later
        ) SELECT o.at FROM opening o LIMIT $4
     ) begun CROSS JOIN LATERAL (
        SELECT FROM replacement_window w
        WHERE w.ahead AND w.opened_at = begun.at AND w.deadline_at > $1 AND w.deadline_at <= $2
            AND (w.closed_at IS NULL OR w.closed_at > $1)
        ORDER BY w.opened_at, w.deadline_at, w.partner_id, w.product, w.number LIMIT $4
     ) w LIMIT $4)
) w LIMIT $4

-- name: owed
-- Each person and product once for each portal change, however many partners it concerns. Soonest due day first.
SELECT DISTINCT d.due_on, d.portal_change_id, d.consultant_id, d.product
FROM maintenance_duty d WHERE width_bucket($1::timestamptz, d.owed) % 2 = 1

-- name: owed_order
ORDER BY d.due_on, d.portal_change_id, d.consultant_id, d.product LIMIT $4

-- name: totals
-- Counts at $1: suspensions; open windows, and how many of them end by $2; owed maintenance, and how much of it was due
-- before the day $3. At most $4 of each kind are counted.
SELECT (SELECT count(*) FROM ({suspended}) s) AS suspensions, (SELECT count(*) FROM ({open}) w) AS windows,
    (SELECT count(*) FROM ({closing}) w) AS closing, d.owed, d.overdue
FROM (
    SELECT count(*) AS owed, count(*) FILTER (WHERE d.due_on < $3) AS overdue
    FROM (
        SELECT d.* FROM (
            ({owed} AND d.owed_until IS NULL {owed_order}) UNION ({owed} AND d.owed_until > $1 {owed_order})
        ) d {owed_order}
    ) d
) d
