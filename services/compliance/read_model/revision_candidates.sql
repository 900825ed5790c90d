-- name: to_revise
-- Partners after $1, by the log up to $2: of any of the kinds $3; ever in a programme that is none of $4 (null: no
-- matter), or, as far as one fact says, in none; with a window that opens in a time from $5 to before $6 (null: ever after). The first $7.
SELECT partner_id FROM (
    (SELECT DISTINCT e.partner_id FROM certification.stored_events e
     WHERE cardinality($3::text[]) > 0 AND e.partner_id > $1 AND e.consultant_id IS NULL AND e.topic IN ({of_kind})
        AND e.notification_id <= $2 AND convert_from(e.state, 'UTF8')::jsonb #>> '{{data,kind}}' = ANY ($3)
     ORDER BY e.partner_id LIMIT $7)
    UNION
    (SELECT DISTINCT e.partner_id FROM certification.stored_events e
     WHERE $4::text[] IS NOT NULL AND e.partner_id > $1 AND e.consultant_id IS NULL AND e.topic IN ({of_programme})
        AND e.notification_id <= $2
        AND coalesce(convert_from(e.state, 'UTF8')::jsonb #>> '{{data,programme}}', '') <> ALL ($4)
     ORDER BY e.partner_id LIMIT $7)
    UNION
    (SELECT DISTINCT w.partner_id
     FROM unnest($5::timestamptz[], $6::timestamptz[]) t (since, through)
     JOIN replacement_window w ON w.opened_at >= t.since AND w.opened_at < coalesce(t.through, 'infinity')
     WHERE NOT w.ahead AND w.partner_id > $1 ORDER BY w.partner_id LIMIT $7)
    UNION
    (SELECT DISTINCT w.partner_id
     FROM unnest($5::timestamptz[], $6::timestamptz[]) t (since, through)
     JOIN replacement_window w ON w.opened_at >= t.since AND w.opened_at < coalesce(t.through, 'infinity')
     WHERE w.ahead AND w.partner_id > $1 ORDER BY w.partner_id LIMIT $7)
) found ORDER BY partner_id LIMIT $7

-- name: with_windows
SELECT DISTINCT w.partner_id
FROM unnest($2::timestamptz[], $3::timestamptz[]) t (since, through)
JOIN replacement_window w ON w.opened_at >= t.since AND w.opened_at < coalesce(t.through, 'infinity')
WHERE w.partner_id = ANY ($1::text[])

-- name: of_enrolment
SELECT e.partner_id, e.topic, e.state, e.notification_id, e.append_position
FROM certification.stored_events e
WHERE e.partner_id = ANY ($1::text[]) AND e.consultant_id IS NULL AND e.notification_id <= $2
ORDER BY e.partner_id, e.notification_id
