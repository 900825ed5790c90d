-- name: read_events
-- Events after a position that pass a filter (null: any), each with the end of the log. One statement sees one snapshot:
-- nothing up to `head` can be missing. Without an event there is one row, with null for its columns.
SELECT f.*, h.head
FROM (SELECT coalesce(max(e.position), 0) AS head FROM compliance_event e) h
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

-- name: read_recorded_events
-- The latest events that pass a filter (null: any) before a position, newest first, back to an instant.
SELECT e.* FROM compliance_event e
WHERE e.position > ({recorded_from})
    AND ($2::bigint IS NULL OR e.position < $2)
    AND ($3::text[] IS NULL OR e.type = ANY($3))
    AND ($4::text[] IS NULL OR e.partner_id = ANY($4))
ORDER BY e.position DESC LIMIT $5
