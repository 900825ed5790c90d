-- The facts after a position of the log and up to another, in order; one row without a fact where there is none.
--
-- $1 after, $2 through   positions
-- $3                     how many facts at most
-- $4 topics, $5 partner_ids, $6 products   null: any
--
-- A fact is about the partners and the products that it names; a void, about those of the fact that it voids. Events
-- that applications of the library wrote are no facts and left out. `log` is another after each reset of a sandbox, which
-- truncates the table.
SELECT h.head, h.log, f.topic, f.state, f.notification_id, f.originator_id, f.partner_id, f.into_partner_id,
    CASE WHEN f.data ? 'product' THEN ARRAY[f.data ->> 'product']
        ELSE ARRAY(SELECT jsonb_array_elements_text(f.data -> 'products')) END
FROM (
    SELECT coalesce(max(e.notification_id), 0) AS head,
        pg_relation_filenode('certification.stored_events')::bigint AS log
    FROM certification.stored_events e
) h
LEFT JOIN LATERAL (
    SELECT e.topic, e.state, e.notification_id, e.originator_id, e.partner_id, e.into_partner_id, about.data
    FROM certification.stored_events e
    CROSS JOIN LATERAL (
        SELECT convert_from(coalesce(
            (SELECT v.state FROM certification.stored_events v WHERE v.fact_id = e.voided_fact_id), e.state
        ), 'UTF8')::jsonb -> 'data' AS data OFFSET 0
    ) about
    WHERE e.notification_id > $1::bigint AND e.notification_id <= $2::bigint
        AND starts_with(e.topic, 'com.sage.partnercloud.')
        AND ($4::text[] IS NULL OR e.topic = ANY($4::text[]))
        AND ($5::text[] IS NULL
            OR e.partner_id = ANY($5::text[]) OR e.into_partner_id = ANY($5::text[]))
        AND ($6::text[] IS NULL OR about.data ->> 'product' = ANY($6::text[])
            OR coalesce(about.data -> 'products' ?| $6::text[], false))
    ORDER BY e.notification_id LIMIT $3
) f ON true
ORDER BY f.notification_id
