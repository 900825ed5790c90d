-- name: now
-- `here`: the cursor lies inside a group of facts, and this partner's part of it is done already.
FROM progress p
CROSS JOIN LATERAL (
    SELECT p.cursor_position > 0 AND p.cursor_partner_id <> '~' AND $1::text <= p.cursor_partner_id AS here OFFSET 0
) sliced
CROSS JOIN LATERAL (
    SELECT greatest(certification.now(), p.known_through, p.cursor_instant) AS at,
        CASE WHEN sliced.here THEN p.cursor_instant ELSE p.known_through END AS known_at,
        CASE WHEN sliced.here THEN p.cursor_position ELSE p.position END AS position OFFSET 0
) known
{in_force}

-- name: known
known.at, known.known_at, known.position, policy.policy_id, {engine} AS engine, policy.revised_at,
p.position AS applied

-- name: holds
-- Whether what is `kept` (see nearest_cache.py) still holds.
coalesce(kept.table = p.tableoid AND kept.position = known.position AND kept.since <= known.at, false)
    AND coalesce(kept.until > known.at, true)

-- name: nearest
-- Who can mend a standing: the people to choose from, or the names of those who are kept.
p.tableoid AS table, {holds} AS holds,
CASE WHEN s.shortfall > 0 AND s.valid_from <= known.at AND NOT ({holds}) THEN ({linked_people}) END AS people,
CASE WHEN s.shortfall > 0 AND {holds} THEN (
    SELECT json_object_agg(n.consultant_id, n.name) FROM certification.consultant_name n
    WHERE n.consultant_id = ANY (string_to_array(kept.consultant_ids, ' '))
) END AS names

-- name: present
-- The partner $1 and its standing now for the product $2. $3 to $7: who mended it the last time.
SELECT {known}, {name}, s.valid_to, s.status, s.body, {nearest} {now}
CROSS JOIN (
    SELECT $3::oid AS table, $4::bigint AS position, $5::timestamptz AS since, $6::timestamptz AS until,
        $7::text AS consultant_ids
) kept
LEFT JOIN LATERAL (
    SELECT s.valid_from, s.valid_to, s.status, s.product, s.shortfall, s.body FROM standing s
    WHERE s.partner_id = $1 AND s.product = $2 AND s.valid_from <= known.at ORDER BY s.valid_from DESC LIMIT 1
) s ON true

-- name: present_and_future
-- The partner $1 and, for each of the products $2, its standing now and those that follow, $3 in all. $4 to $8: who
-- mended each the last time.
SELECT {known}, {name}, s.product, s.valid_to, s.status, s.body, {nearest} {now}
CROSS JOIN unnest($2::text[], $4::oid[], $5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::text[])
    kept (product, "table", position, since, until, consultant_ids)
LEFT JOIN LATERAL (
    SELECT s.product, s.valid_from, s.valid_to, s.status, s.shortfall, s.body FROM standing s
    WHERE s.partner_id = $1 AND s.product = kept.product AND (s.valid_to IS NULL OR s.valid_to > known.at)
    ORDER BY s.valid_from LIMIT $3
) s ON true
ORDER BY s.product, s.valid_from

-- name: present_moment
-- The present as the projection knows it.
SELECT known.at, known.known_at, known.position, policy.policy_id, known.engine, policy.revised_at FROM (
    SELECT greatest(coalesce($1, certification.now()), p.known_through) AS at, p.known_through AS known_at, p.position,
        {engine} AS engine
    FROM progress p OFFSET 0
) known
{in_force}
