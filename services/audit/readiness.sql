-- name: readiness
-- How far each log is sealed, and the sealers with a recent heartbeat.
SELECT
    (SELECT coalesce(max(e.notification_id), 0) FROM certification.stored_events e) AS facts,
    (SELECT l.size FROM audit.log l WHERE l.name = 'facts') AS facts_sealed,
    (SELECT coalesce(max(e.position), 0) FROM compliance_event e) AS events,
    (SELECT l.size FROM audit.log l WHERE l.name = 'compliance') AS events_sealed,
    (SELECT count(*) FROM audit.heartbeat h WHERE h.beat_at > clock_timestamp() - interval '10 seconds') AS sealers,
    (SELECT h.trouble FROM audit.heartbeat h WHERE h.trouble IS NOT NULL
        AND h.beat_at > clock_timestamp() - interval '1 minute' ORDER BY h.beat_at DESC LIMIT 1) AS trouble
