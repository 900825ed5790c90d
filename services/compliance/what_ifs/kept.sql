-- name: ask
SELECT audit.ask_what_if($1, $2, $3, $4, $5, $6)

-- name: take
SELECT t.number, t.what_if_id, t.question, t.at, t.position, t.attempts FROM audit.take_what_if($1, $2) t

-- name: report
SELECT audit.report_what_if($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)

-- name: release
SELECT audit.release_what_ifs($1)

-- name: forget
SELECT audit.forget_what_if($1)

-- name: listed
-- Those that are kept still, oldest first; of one id, if one is given. $2: days after which a result is not kept.
SELECT w.number, w.what_if_id, w.question, w.requested_by, w.state, w.at, w.known_at, w.position, w.partners,
    w.partners_done, w.differing, w.failure
FROM audit.what_if w
WHERE ($1::text IS NULL OR w.what_if_id = $1)
    AND (w.state IN ('waiting', 'running') OR w.asked_at >= clock_timestamp() - make_interval(days => $2))
ORDER BY w.number

-- name: differences
-- Those of a what-if after number $2, at most $3.
SELECT d.difference FROM audit.what_if_difference d WHERE d.what_if_number = $1 AND d.number > $2
ORDER BY d.number LIMIT $3
