-- name: read_backlog
-- One snapshot: the progress, whole groups of about $1 facts after it with the partners that they touch, the facts
-- themselves as far as they can matter to a partner, and the first $3 timers due by the last of these facts or by $2.
-- Few new facts bring along what was recorded about the people whom they link: a history that they join needs it.
-- $4, $5: see `group_routes`.
WITH RECURSIVE
newer AS MATERIALIZED (
    SELECT e.append_position, e.recorded_at, e.topic, e.partner_id, e.into_partner_id, e.consultant_id,
        e.notification_id, e.originator_id, e.state,
        e.originator_id >= 'portal_change-' AND e.originator_id < 'portal_change.' AS broadcast,
        e.originator_id >= 'policy-' AND e.originator_id < 'policy.' AND e.topic IN ({revised}) AS revision
    FROM certification.stored_events e
    WHERE e.notification_id > (SELECT p.position FROM progress p) AND e.notification_id <= (
        SELECT coalesce(max(l.append_position), max(p.position) + $1)
        FROM progress p LEFT JOIN certification.stored_events l ON l.notification_id = p.position + $1
    )
),
{group_routes}
SELECT p.xmin AS version, (SELECT e.engine_id FROM certification.engine() e) AS engine_id,
    ARRAY(
        SELECT ROW (t.append_position, max(t.recorded_at), bool_or(t.broadcast), bool_or(t.revision),
            array_agg(t.partner_id) FILTER (WHERE t.partner_id IS NOT NULL))
        FROM touched t GROUP BY t.append_position ORDER BY t.append_position
    ) AS groups,
    ARRAY(SELECT ROW ({logged_columns}) FROM newer e WHERE {matters} ORDER BY e.notification_id) AS facts,
    ARRAY(
        SELECT ROW (e.*)
        FROM (
            SELECT DISTINCT n.consultant_id FROM newer n
            WHERE n.topic = {linked} AND (SELECT count(*) FROM newer) <= {few_facts}
        ) joining CROSS JOIN LATERAL (
            SELECT {logged_columns} FROM certification.stored_events e
            WHERE e.consultant_id = joining.consultant_id AND e.topic IN ({of_people})
                AND e.notification_id <= (SELECT max(n.notification_id) FROM newer n)
            ORDER BY e.notification_id LIMIT {of_person_max} + 1
        ) e
    ) AS of_people,
    ARRAY(
        SELECT ROW (t.due_at, t.partner_id) FROM timer t
        WHERE t.due_at <= greatest((SELECT max(n.recorded_at) FROM newer n), $2)
        ORDER BY t.due_at, t.partner_id LIMIT $3
    ) AS timers,
    ARRAY(SELECT s.consultant_id FROM shared s) AS shared,
    {progress}
{from_progress}

-- name: mentioned_after
SELECT DISTINCT partner_id FROM standing WHERE partner_id > $1 ORDER BY partner_id LIMIT $2
