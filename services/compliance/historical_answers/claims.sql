-- name: page
-- The claims about a partner ($1) after a number ($2), in order, at most $3.
SELECT c.number, c.partner_id, c.product, c.customer, c.allowed, c.at, c.position, c.policy_id, c.engine, c.actor,
    c.recorded_at
FROM audit.claim c
WHERE c.partner_id = $1 AND c.number > $2
ORDER BY c.number
LIMIT $3
