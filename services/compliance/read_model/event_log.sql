-- name: recorded_from
-- The last position before the first event recorded at or after $1 (null: at any time). A binary search: positions have
-- no gaps, and `recorded_at` never goes backwards along them.
WITH RECURSIVE search AS (
    SELECT 0::bigint AS low, p.event_position AS high FROM progress p
    UNION ALL
    SELECT CASE WHEN e.recorded_at < $1 THEN m.middle ELSE s.low END,
        CASE WHEN e.recorded_at < $1 THEN s.high ELSE m.middle - 1 END
    FROM search s CROSS JOIN LATERAL (SELECT (s.low + s.high + 1) / 2 AS middle) m
    JOIN compliance_event e ON e.position = m.middle
    WHERE s.low < s.high
)
SELECT s.low FROM search s WHERE s.low = s.high

-- name: read_events
-- Events after a position that pass a filter (null: any), each with the end of the log. One statement sees one snapshot:
-- nothing up to `head` can be missing. Without an event there is one row, with null for its columns. `log` is another after
-- each reset of a sandbox, which truncates the log of facts while it holds this one.
SELECT f.*, h.head, h.log
FROM (
    SELECT coalesce(max(e.position), 0) AS head,
        pg_relation_filenode('certification.stored_events')::bigint AS log
    FROM compliance_event e
) h
LEFT JOIN LATERAL (
    SELECT e.* FROM compliance_event e
    WHERE e.position > $1 AND e.position <= $2
        AND ($3::text[] IS NULL OR e.type = ANY($3))
        AND ($4::text[] IS NULL OR e.partner_id = ANY($4))
        AND ($5::text[] IS NULL OR e.products && $5)
        AND ($6::timestamptz IS NULL OR e.effective_at <= $6)
        AND ($7::timestamptz IS NULL OR e.recorded_at <= $7)
        AND ($8::bigint IS NULL OR e.fact_position <= $8)
        AND ($9::boolean IS NULL OR NOT {is_history})
    ORDER BY e.position LIMIT $10
) f ON true
ORDER BY f.position

-- name: how_far
-- How far the projection is, and how far the facts and the clock are.
SELECT p.position, p.known_through, certification.now() AS now,
    coalesce((SELECT max(e.notification_id) FROM certification.stored_events e), 0) AS head
FROM progress p

-- name: read_event
SELECT e.* FROM compliance_event e WHERE e.position = $1

-- name: find_event
SELECT e.* FROM compliance_event e WHERE e.event_id = $1

-- name: read_events_of_fact
-- The first events after a position that were derived from a fact and those appended with it. Without an event there is
-- one row, with null for its columns; without the fact, none.
SELECT e.*, f.append_position, p.position AS applied_through
FROM certification.stored_events f
CROSS JOIN progress p
LEFT JOIN LATERAL (
    SELECT e.* FROM compliance_event e
    WHERE e.fact_position = f.append_position AND e.fact_position > 0 AND e.position > $2
    ORDER BY e.position LIMIT $3
) e ON true
WHERE f.fact_id = $1
ORDER BY e.position

-- name: recorded
-- What passes a filter (null: any) before a position, back to an instant.
e.position > ({recorded_from}) AND e.position < coalesce($2::bigint, 9223372036854775807)
    AND ($3::text[] IS NULL OR e.type = ANY($3))

-- name: read_recorded_events
-- The latest of these events, newest first.
SELECT e.* FROM compliance_event e WHERE {recorded} ORDER BY e.position DESC LIMIT $4

-- name: read_recorded_events_of_partners
-- The latest of each of the partners $5, then the latest of all of them.
SELECT e.* FROM (SELECT DISTINCT unnest($5::text[]) COLLATE "C" AS partner_id) p CROSS JOIN LATERAL (
    SELECT e.* FROM compliance_event e WHERE e.partner_id = p.partner_id AND {recorded}
    ORDER BY e.position DESC LIMIT $4
) e ORDER BY e.position DESC LIMIT $4

-- name: of_type
-- The events of one type `t.type` after a position. Whatever PostgreSQL takes for frequent, only one index has this order.
(e.type, e.position) > (t.type, {{after}}) AND (e.type, e.position) <= (t.type, 9223372036854775807)

-- name: count_recorded_events
-- Of each type $2, how many events were recorded from each instant $1 on (null: ever), at most $3.
SELECT i.number, t.type, c.found
FROM unnest($1::timestamptz[]) WITH ORDINALITY i (instant, number)
CROSS JOIN LATERAL ({{recorded_from}}) f
CROSS JOIN unnest($2::text[]) t (type)
CROSS JOIN LATERAL (
    SELECT count(*) AS found FROM (
        SELECT FROM compliance_event e WHERE {of_type} ORDER BY e.type, e.position LIMIT $3
    ) e
) c
WHERE c.found > 0 ORDER BY i.number, c.found DESC, t.type

-- name: read_newest_events
-- The latest of each of the types $2, then the latest of all of them, recorded from the instant $1 on (null: ever).
SELECT e.* FROM unnest($2::text[]) t (type) CROSS JOIN LATERAL (
    SELECT e.* FROM compliance_event e WHERE {of_type} ORDER BY e.type DESC, e.position DESC LIMIT $3
) e ORDER BY e.position DESC LIMIT $3
