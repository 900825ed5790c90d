-- The programmes that the last revision in force sets (R39): by the instant of effect, then by the place in the log.
SELECT convert_from(e.state, 'UTF8')::jsonb #> '{data,programmes}'
FROM certification.stored_events e
WHERE e.originator_id >= 'policy-' AND e.originator_id < 'policy.'
    AND e.topic = 'com.sage.partnercloud.policy-revised.v1'
    AND convert_from(e.state, 'UTF8')::jsonb #> '{data,programmes}' IS NOT NULL
    AND e.effective_at <= (SELECT c.now FROM certification.clock() c)
    AND NOT EXISTS (SELECT FROM certification.stored_events v WHERE v.voided_fact_id = e.fact_id)
ORDER BY e.effective_at DESC, e.notification_id DESC
LIMIT 1
