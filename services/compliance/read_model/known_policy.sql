-- name: in_force
-- Behind `known (at, position)`: the policy then, and when the next comes into force. It reads no log.
LEFT JOIN LATERAL (
    SELECT r.policy_id FROM policy_revision r
    WHERE r.position <= known.position AND coalesce(r.voided_position > known.position, true)
        AND r.effective_at <= known.at
    ORDER BY r.effective_at DESC, r.position DESC LIMIT 1
) in_force ON true
CROSS JOIN LATERAL (
    SELECT coalesce(in_force.policy_id, '{first_policy_id}') AS policy_id, (
        SELECT min(r.effective_at) FROM policy_revision r
        WHERE r.position <= known.position AND coalesce(r.voided_position > known.position, true)
            AND r.effective_at > known.at) AS revised_at
) policy
