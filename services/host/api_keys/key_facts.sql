-- The facts that issued and revoked keys, in log order, by an index that holds nothing else.
SELECT e.topic, e.state, e.notification_id, e.append_position
FROM certification.stored_events e
WHERE e.topic IN ('com.sage.partnercloud.key-issued.v1', 'com.sage.partnercloud.key-revoked.v1')
ORDER BY e.notification_id
