-- Facts of the log, newest first, by whom they are about; each statement walks the index of its name.
--
-- $1 before          the position before which they lie; null: the end of the log
-- $2                 how many facts at most
-- $3 topics          null: any
-- $4 consultant_id, $5 partner_id   null: any
-- $6                 the id of a conversation, of the fact that others follow from, or of anybody; null where the name says none
-- $7 from            the position from which on they lie; null: any
--
-- Events that applications of the library wrote are no facts and left out.

-- name: matching
    (($1::bigint IS NULL OR e.notification_id < $1) AND ($7::bigint IS NULL OR e.notification_id >= $7)
        AND starts_with(e.topic, 'com.sage.partnercloud.')
        AND ($3::text[] IS NULL OR e.topic = ANY($3))
        AND ($4::text IS NULL OR e.consultant_id = $4)
        AND ($5::text IS NULL OR e.partner_id = $5 OR e.into_partner_id = $5))

-- name: columns
    e.topic, e.state, e.notification_id, e.append_position, e.held,
    (SELECT v.fact_id FROM certification.stored_events v WHERE v.voided_fact_id = e.fact_id),
    (SELECT v.recorded_at FROM certification.stored_events v WHERE v.voided_fact_id = e.fact_id)

-- name: of_anything
SELECT {columns} FROM certification.stored_events e
WHERE {matching} AND $6::text IS NULL
ORDER BY e.notification_id DESC LIMIT $2

-- name: of_policy
SELECT {columns} FROM certification.stored_events e
WHERE e.originator_id >= 'policy-' AND e.originator_id < 'policy.' AND {matching} AND $6::text IS NULL
ORDER BY e.notification_id DESC LIMIT $2

-- name: of_consultant
SELECT {columns} FROM certification.stored_events e
WHERE e.consultant_id = $4 AND {matching} AND $6::text IS NULL
ORDER BY e.notification_id DESC LIMIT $2

-- name: of_partner
SELECT {columns} FROM (
    (SELECT e.* FROM certification.stored_events e
        WHERE e.partner_id = $5 AND {matching} AND $6::text IS NULL
        ORDER BY e.notification_id DESC LIMIT $2)
    UNION ALL
    (SELECT e.* FROM certification.stored_events e
        WHERE e.into_partner_id = $5 AND {matching} AND e.partner_id IS DISTINCT FROM $5
        ORDER BY e.notification_id DESC LIMIT $2)
) e
ORDER BY e.notification_id DESC LIMIT $2

-- name: of_conversation
SELECT {columns} FROM (
    (SELECT e.* FROM certification.stored_events e
        WHERE certification.correlation_named(e.state) = $6
            AND certification.correlation_named(e.state) <> e.fact_id AND {matching}
        ORDER BY e.notification_id DESC LIMIT $2)
    UNION ALL
    (SELECT e.* FROM certification.stored_events e
        WHERE e.fact_id = $6 AND certification.correlation_named(e.state) = $6 AND {matching})
) e
ORDER BY e.notification_id DESC LIMIT $2

-- name: of_anybody
SELECT {columns} FROM (
    SELECT DISTINCT n.position FROM (
        (SELECT e.notification_id AS position FROM certification.stored_events e
            WHERE e.consultant_id = $6 AND {matching} ORDER BY e.notification_id DESC LIMIT $2)
        UNION ALL
        (SELECT e.notification_id FROM certification.stored_events e
            WHERE e.partner_id = $6 AND {matching} ORDER BY e.notification_id DESC LIMIT $2)
        UNION ALL
        (SELECT e.notification_id FROM certification.stored_events e
            WHERE e.into_partner_id = $6 AND {matching} ORDER BY e.notification_id DESC LIMIT $2)
        UNION ALL
        (SELECT e.notification_id FROM certification.stored_events e
            WHERE certification.correlation_named(e.state) = $6
                AND certification.correlation_named(e.state) <> e.fact_id AND {matching}
            ORDER BY e.notification_id DESC LIMIT $2)
        UNION ALL
        (SELECT e.notification_id FROM certification.stored_events e
            WHERE e.fact_id = $6 AND certification.correlation_named(e.state) = $6 AND {matching})
    ) n ORDER BY n.position DESC LIMIT $2
) n JOIN certification.stored_events e ON e.notification_id = n.position
ORDER BY e.notification_id DESC

-- name: of_cause
SELECT {columns} FROM certification.stored_events e
JOIN certification.stored_events cause ON cause.fact_id = $6
    AND e.notification_id > cause.notification_id AND e.notification_id <= cause.append_position
WHERE {matching} AND convert_from(e.state, 'UTF8')::jsonb ->> 'causation_id' = $6
ORDER BY e.notification_id DESC LIMIT $2

-- From here on: how far down one page looks, which walks the index of the same name. $1 before, $2 whom it is about.

-- name: walked
($1::bigint IS NULL OR e.notification_id < $1) ORDER BY e.notification_id DESC OFFSET {looked_at_max} - 1 LIMIT 1

-- name: looks_from_of_anything
SELECT e.notification_id FROM certification.stored_events e WHERE $2::text IS NULL AND {walked}

-- name: looks_from_of_consultant
SELECT e.notification_id FROM certification.stored_events e WHERE e.consultant_id = $2 AND {walked}

-- name: looks_from_of_partner
SELECT greatest(
    (SELECT e.notification_id FROM certification.stored_events e WHERE e.partner_id = $2 AND {walked}),
    (SELECT e.notification_id FROM certification.stored_events e WHERE e.into_partner_id = $2 AND {walked}))

-- name: looks_from_of_conversation
SELECT e.notification_id FROM certification.stored_events e
WHERE certification.correlation_named(e.state) = $2 AND certification.correlation_named(e.state) <> e.fact_id AND {walked}

-- name: looks_from_of_anybody
SELECT greatest(({looks_from_of_consultant}), ({looks_from_of_partner}), ({looks_from_of_conversation}))
