-- name: fact_entry
-- An expression: the entry of a row of the log of facts. An entry is a line of JSON with every other column, in the
-- order of their names, and the exact bytes of the fact. A column that a later migration adds appears only where it is set.
-- An entry is null where a value cannot be written, which no recorded fact has.
convert_to(
    '{{"actor":' || coalesce(to_json(e.actor)::text, 'null')
    || ',"append_position":' || e.append_position
    || ',"consultant_id":' || coalesce(to_json(e.consultant_id)::text, 'null')
    || ',"content_hash":' || coalesce('"' || encode(e.content_hash, 'hex') || '"', 'null')
    || ',"effective_at":"' || to_char(e.effective_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","fact_id":' || to_json(e.fact_id)
    || ',"held":' || coalesce(e.held::text, 'null')
    || ',"idempotency_key":' || coalesce(to_json(e.idempotency_key)::text, 'null')
    || ',"into_partner_id":' || coalesce(to_json(e.into_partner_id)::text, 'null')
    || ',"notification_id":' || e.notification_id
    || ',"originator_id":' || to_json(e.originator_id)
    || ',"originator_version":' || e.originator_version
    || ',"partner_id":' || coalesce(to_json(e.partner_id)::text, 'null')
    || ',"recorded_at":"' || to_char(e.recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","topic":' || to_json(e.topic)
    || ',"voided_fact_id":' || coalesce(to_json(e.voided_fact_id)::text, 'null')
    || E'}}\n', 'UTF8') || e.state

-- name: facts
-- The entries of the log of facts after position $1 and up to $2.
SELECT e.notification_id AS position, {fact_entry} AS entry
FROM certification.stored_events e
WHERE e.notification_id > $1 AND e.notification_id <= $2
ORDER BY e.notification_id

-- name: facts_head
SELECT coalesce(max(e.notification_id), 0) FROM certification.stored_events e

-- name: compliance
-- The same of the log of compliance events, whose schema is on the search path.
SELECT e.position, convert_to(
    '{{"about":' || to_json(e.about)
    || ',"effective_at":"' || to_char(e.effective_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","event_id":' || to_json(e.event_id)
    || ',"fact_position":' || e.fact_position
    || ',"partner_id":' || to_json(e.partner_id)
    || ',"position":' || e.position
    || ',"products":[' || (
        SELECT coalesce(string_agg(to_json(p.product)::text, ',' ORDER BY p.place), '')
        FROM unnest(e.products) WITH ORDINALITY p (product, place)
    ) || '],"recorded_at":"' || to_char(e.recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","type":' || to_json(e.type)
    || E'}}\n', 'UTF8') || e.data AS entry
FROM compliance_event e
WHERE e.position > $1 AND e.position <= $2
ORDER BY e.position

-- name: compliance_head
SELECT coalesce(max(e.position), 0) FROM compliance_event e

-- name: claims
-- The entries of the log of claims. A claim is its columns; no bytes follow them.
SELECT c.number AS position, convert_to(
    '{{"actor":' || to_json(c.actor)
    || ',"allowed":' || c.allowed::text
    || ',"at":"' || to_char(c.at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","customer":' || to_json(c.customer)
    || ',"engine":' || to_json(c.engine)
    || ',"number":' || c.number
    || ',"partner_id":' || to_json(c.partner_id)
    || ',"policy_id":' || to_json(c.policy_id)
    || ',"position":' || c.position
    || ',"product":' || to_json(c.product)
    || ',"recorded_at":"' || to_char(c.recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || E'"}}\n', 'UTF8') AS entry
FROM audit.claim c
WHERE c.number > $1 AND c.number <= $2
ORDER BY c.number

-- name: claims_head
SELECT coalesce(max(c.number), 0) FROM audit.claim c
