-- A third Merkle log, over the claims. The number of a claim is its place in the log, so numbers have no gaps.

ALTER TABLE audit.log DROP CONSTRAINT log_name_check;
ALTER TABLE audit.log ADD CONSTRAINT log_name_check CHECK (name IN ('facts', 'compliance', 'claims'));
INSERT INTO audit.log (name, origin)
SELECT 'claims', regexp_replace(l.origin, '/facts$', '/claims') FROM audit.log l WHERE l.name = 'facts';

-- The claims recorded before are sealed as they are. They are numbered again, without gaps.
ALTER TABLE audit.claim DISABLE TRIGGER append_only;
ALTER TABLE audit.claim DROP CONSTRAINT claim_pkey;
ALTER TABLE audit.claim ALTER COLUMN number DROP IDENTITY;
UPDATE audit.claim c SET number = n.place
FROM (SELECT o.number, row_number() OVER (ORDER BY o.number) AS place FROM audit.claim o) n
WHERE c.number = n.number AND n.number <> n.place;
ALTER TABLE audit.claim ADD CONSTRAINT claim_pkey PRIMARY KEY (number);
ALTER TABLE audit.claim ENABLE ALWAYS TRIGGER append_only;
COMMENT ON TABLE audit.claim IS 'Authorisation answers, each distinct one once. Numbers have no gaps, and follow the order of commits.';

-- Records claims, except those that are recorded already, and those from a log that a sandbox has emptied since. Calls take
-- turns: numbers have no gaps, and a reader that goes on after the last number it has seen misses no claim.
CREATE OR REPLACE FUNCTION audit.record_claims(claims json) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('audit.claim'));
    INSERT INTO audit.claim (
        number, partner_id, product, customer, allowed, at, position, policy_id, engine, actor, recorded_at)
    SELECT (SELECT coalesce(max(l.number), 0) FROM audit.claim l) + row_number() OVER (ORDER BY c.place),
        c.partner_id, c.product, c.customer, c.allowed, c.at, c.position, c.policy_id, c.engine, c.actor, now.now
    FROM (SELECT n.now FROM certification.clock() n) now CROSS JOIN (
        SELECT DISTINCT ON (m.partner_id, date_trunc('minute', m.at AT TIME ZONE 'UTC'), m.position, m.product, m.customer,
            m.actor, m.allowed, m.policy_id, m.engine) m.*
        FROM ROWS FROM (json_to_recordset(claims) AS (
            partner_id text, product text, customer text, allowed boolean, at timestamptz, position bigint,
            policy_id text, engine text, actor text)
        ) WITH ORDINALITY AS m (
            partner_id, product, customer, allowed, at, position, policy_id, engine, actor, place)
        ORDER BY m.partner_id, date_trunc('minute', m.at AT TIME ZONE 'UTC'), m.position, m.product, m.customer,
            m.actor, m.allowed, m.policy_id, m.engine, m.place
    ) c
    WHERE c.position <= (SELECT coalesce(max(e.notification_id), 0) FROM certification.stored_events e)
        AND NOT EXISTS (
            SELECT FROM audit.claim r
            WHERE r.partner_id = c.partner_id
                AND date_trunc('minute', r.at AT TIME ZONE 'UTC') = date_trunc('minute', c.at AT TIME ZONE 'UTC')
                AND r.position = c.position AND r.product = c.product AND r.customer = c.customer
                AND r.actor = c.actor AND r.allowed = c.allowed AND r.policy_id = c.policy_id AND r.engine = c.engine);
END $$;

DO $$
BEGIN
    IF to_regrole('sagecert_sealer') IS NOT NULL THEN
        GRANT SELECT ON audit.claim TO sagecert_sealer;
    END IF;
END $$;
