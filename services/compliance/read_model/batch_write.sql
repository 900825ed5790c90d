-- name: write
-- Writes a batch: events, standings, windows, timers, revisions and the progress, all or nothing. Every part depends on the
-- update of `progress`: if its row is no longer the one that was read ($9), nothing is written. A second writer waits
-- for the first to commit and then finds the row changed; if the first fails, the row is as it was read.
-- Rows that are written already are left out before the insert: a conflict would lock them, and each lock is a write.
-- The commit need not reach the disk: what a crash of the server loses is derived again from the facts, to the byte.
WITH advanced AS (
    {advance} WHERE xmin = $9 RETURNING position
), event_written AS (
    INSERT INTO compliance_event (
        position, event_id, type, partner_id, products, effective_at, recorded_at, fact_position, about, data)
    SELECT $10::bigint + e.n, e.event_id, e.type, e.partner_id, string_to_array(e.products, ','), e.effective_at,
        e.recorded_at, e.fact_position, e.about, e.data
    FROM advanced, unnest($11::text[], $12::text[], $13::text[], $14::text[], $15::timestamptz[], $16::timestamptz[],
        $17::bigint[], $18::text[], $19::bytea[]) WITH ORDINALITY
        AS e (event_id, type, partner_id, products, effective_at, recorded_at, fact_position, about, data, n)
), standing_now AS (
    SELECT n.* FROM advanced, unnest($20::text[], $21::text[], $22::timestamptz[], $23::timestamptz[], $24::text[],
        $25::integer[], $26::integer[], $27::integer[], $28::bytea[], $29::timestamptz[], $30::text[], $31::text[],
        $32::text[], $33::timestamptz[], $34::boolean[])
        AS n (partner_id, product, valid_from, valid_to, status, headcount, minimum, shortfall, body, since,
            reason_rule, reason_text, lost_consultant_id, lost_at, ahead)
), standing_gone AS (
    DELETE FROM standing s
    USING (SELECT partner_id, product, array_agg(valid_from) AS kept FROM standing_now GROUP BY 1, 2) n
    WHERE s.partner_id = n.partner_id AND s.product = n.product AND s.valid_from <> ALL (n.kept)
), standing_written AS (
    INSERT INTO standing AS s SELECT * FROM standing_now
    ON CONFLICT (partner_id, product, valid_from) DO UPDATE SET valid_to = EXCLUDED.valid_to, status = EXCLUDED.status,
        headcount = EXCLUDED.headcount, minimum = EXCLUDED.minimum, shortfall = EXCLUDED.shortfall, body = EXCLUDED.body,
        since = EXCLUDED.since, reason_rule = EXCLUDED.reason_rule, reason_text = EXCLUDED.reason_text,
        lost_consultant_id = EXCLUDED.lost_consultant_id, lost_at = EXCLUDED.lost_at, ahead = EXCLUDED.ahead
    WHERE (s.valid_to, s.status, s.headcount, s.body, s.since, s.reason_text, s.lost_consultant_id, s.lost_at, s.ahead)
        IS DISTINCT FROM (EXCLUDED.valid_to, EXCLUDED.status, EXCLUDED.headcount, EXCLUDED.body, EXCLUDED.since,
            EXCLUDED.reason_text, EXCLUDED.lost_consultant_id, EXCLUDED.lost_at, EXCLUDED.ahead)
), window_gone AS (
    DELETE FROM replacement_window w USING advanced, unnest($35::text[], $36::text[], $37::integer[])
        AS n (partner_id, product, number_last)
    WHERE w.partner_id = n.partner_id AND w.product = n.product AND w.number > n.number_last
), window_written AS (
    INSERT INTO replacement_window
    SELECT n.* FROM advanced, unnest($38::text[], $39::text[], $40::integer[], $41::timestamptz[], $42::date[],
        $43::timestamptz[], $44::timestamptz[], $45::text[], $46::text[], $47::boolean[])
        AS n (partner_id, product, number, opened_at, deadline_on, deadline_at, closed_at, closed_outcome, policy_id,
            ahead)
    WHERE NOT EXISTS (
        SELECT FROM replacement_window k
        WHERE k.partner_id = n.partner_id AND k.product = n.product AND k.number = n.number
            AND (k.opened_at, k.deadline_at, k.closed_at, k.closed_outcome, k.policy_id, k.ahead)
                IS NOT DISTINCT FROM (n.opened_at, n.deadline_at, n.closed_at, n.closed_outcome, n.policy_id, n.ahead))
    ON CONFLICT (partner_id, product, number) DO UPDATE SET opened_at = EXCLUDED.opened_at,
        deadline_on = EXCLUDED.deadline_on, deadline_at = EXCLUDED.deadline_at, closed_at = EXCLUDED.closed_at,
        closed_outcome = EXCLUDED.closed_outcome, policy_id = EXCLUDED.policy_id, ahead = EXCLUDED.ahead
), timer_now AS (
    SELECT n.* FROM advanced, unnest($48::text[], $49::timestamptz[]) AS n (partner_id, due_at)
), timer_gone AS (
    DELETE FROM timer t USING timer_now n WHERE t.partner_id = n.partner_id AND n.due_at IS NULL
), timer_written AS (
    INSERT INTO timer AS t SELECT * FROM timer_now n WHERE n.due_at IS NOT NULL
    ON CONFLICT (partner_id) DO UPDATE SET due_at = EXCLUDED.due_at WHERE t.due_at <> EXCLUDED.due_at
), revision_written AS (
    INSERT INTO policy_revision AS r
    SELECT n.* FROM advanced, unnest($50::bigint[], $51::text[], $52::text[], $53::timestamptz[], $54::bigint[]) AS n
    ON CONFLICT (position) DO UPDATE SET voided_position = EXCLUDED.voided_position
    WHERE r.voided_position IS DISTINCT FROM EXCLUDED.voided_position
), person_now AS (
    SELECT n.* FROM advanced, unnest($55::text[], $56::text[], $57::boolean[], $58::boolean[], $59::text[],
        $60::text[]) AS n (partner_id, consultant_id, linked, counted, duties, portal_changes)
), link_gone AS (
    DELETE FROM consultant_link l USING person_now n
    WHERE l.partner_id = n.partner_id AND l.consultant_id = n.consultant_id AND NOT n.linked
), link_written AS (
    INSERT INTO consultant_link
    SELECT n.partner_id, n.consultant_id, n.linked::timestamptz[], n.counting::timestamptz[]
    FROM advanced, unnest($61::text[], $62::text[], $63::text[], $64::text[])
        AS n (partner_id, consultant_id, linked, counting)
    WHERE NOT EXISTS (
        SELECT FROM consultant_link k WHERE k.partner_id = n.partner_id AND k.consultant_id = n.consultant_id
            AND (k.linked, k.counting) = (n.linked::timestamptz[], n.counting::timestamptz[]))
    ON CONFLICT (partner_id, consultant_id) DO UPDATE SET linked = EXCLUDED.linked, counting = EXCLUDED.counting
), certification_gone AS (
    DELETE FROM consultant_certification c USING person_now n
    WHERE c.consultant_id = n.consultant_id AND c.partner_id = n.partner_id AND NOT n.counted
), certification_written AS (
    INSERT INTO consultant_certification
    SELECT n.consultant_id, n.product, n.partner_id, n.certified::timestamptz[]
    FROM advanced, unnest($65::text[], $66::text[], $67::text[], $68::text[])
        AS n (consultant_id, product, partner_id, certified)
    WHERE NOT EXISTS (
        SELECT FROM consultant_certification k
        WHERE k.consultant_id = n.consultant_id AND k.product = n.product AND k.partner_id = n.partner_id
            AND k.certified = n.certified::timestamptz[])
    ON CONFLICT (consultant_id, product, partner_id) DO UPDATE SET certified = EXCLUDED.certified
), duty_gone AS (
    DELETE FROM maintenance_duty d USING person_now n
    WHERE d.consultant_id = n.consultant_id AND d.partner_id = n.partner_id
        AND d.product || '~' || d.portal_change_id <> ALL (string_to_array(n.duties, ' '))
        AND (n.portal_changes IS NULL OR d.portal_change_id = ANY (string_to_array(n.portal_changes, ' ')))
), duty_written AS (
    INSERT INTO maintenance_duty
    SELECT n.consultant_id, n.product, n.portal_change_id, n.partner_id, n.due_on, n.owed::timestamptz[], n.owed_until
    FROM advanced, unnest($69::text[], $70::text[], $71::text[], $72::text[], $73::date[], $74::text[],
        $75::timestamptz[]) AS n (consultant_id, product, portal_change_id, partner_id, due_on, owed, owed_until)
    WHERE NOT EXISTS (
        SELECT FROM maintenance_duty k
        WHERE k.consultant_id = n.consultant_id AND k.product = n.product AND k.portal_change_id = n.portal_change_id
            AND k.partner_id = n.partner_id AND (k.due_on, k.owed) = (n.due_on, n.owed::timestamptz[]))
    ON CONFLICT (consultant_id, product, portal_change_id, partner_id) DO UPDATE SET
        due_on = EXCLUDED.due_on, owed = EXCLUDED.owed, owed_until = EXCLUDED.owed_until
), partner_mentioned AS (
    INSERT INTO mentioned_partner SELECT DISTINCT n.partner_id FROM standing_now n ON CONFLICT DO NOTHING
), consultant_mentioned AS (
    INSERT INTO mentioned_consultant
    SELECT DISTINCT e.consultant_id FROM advanced, certification.stored_events e
    WHERE e.notification_id > $76 AND e.notification_id <= advanced.position AND e.consultant_id IS NOT NULL
    ON CONFLICT DO NOTHING
)
SELECT pg_current_xact_id()::xid AS version, {notify}, set_config('synchronous_commit', 'off', true) FROM advanced
