-- A window keeps the days of the policy in force when it opened (R39); until now there was one policy.

ALTER TABLE replacement_window ADD COLUMN policy_id text COLLATE "C" NOT NULL DEFAULT '2021-08';
ALTER TABLE replacement_window ALTER COLUMN policy_id DROP DEFAULT;
COMMENT ON COLUMN replacement_window.policy_id IS 'The policy that set its days.';

-- A revision of the days concerns the windows that open from then on.
CREATE INDEX replacement_window_opened_idx ON replacement_window (opened_at, partner_id);

-- The revisions of the policy that the follower has taken in: which policy is in force, right by the clock without the log.
CREATE TABLE policy_revision (
    position bigint NOT NULL,
    fact_id text COLLATE "C" NOT NULL,
    policy_id text COLLATE "C" NOT NULL,
    effective_at timestamptz NOT NULL,
    voided_position bigint,
    CONSTRAINT policy_revision_pkey PRIMARY KEY (position)
);
COMMENT ON TABLE policy_revision IS 'Revisions of the policy, as far as facts are applied for any partner.';
COMMENT ON COLUMN policy_revision.position IS 'That of the fact.';
COMMENT ON COLUMN policy_revision.voided_position IS 'The position of its void; null: it stands.';

DO $$
BEGIN
    IF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT SELECT ON policy_revision TO sagecert_compliance;
    END IF;
    IF to_regrole('sagecert_follower') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE ON policy_revision TO sagecert_follower;
    ELSIF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT INSERT, UPDATE ON policy_revision TO sagecert_compliance;
    END IF;
END $$;
