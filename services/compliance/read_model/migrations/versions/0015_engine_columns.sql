-- What derived the read model is an engine, and has its name. The audit trail reads where one took over from another.
ALTER TABLE progress RENAME COLUMN policy_version TO engine_id;
ALTER TABLE policy_upgrade RENAME COLUMN policy_version TO engine_id;
COMMENT ON COLUMN progress.engine_id IS 'The engine that derived what is here; empty: nothing was derived yet.';
COMMENT ON COLUMN policy_upgrade.engine_id IS 'The engine that took over.';

DO $$
BEGIN
    IF to_regrole('sagecert_auditor') IS NOT NULL THEN
        GRANT SELECT ON policy_upgrade TO sagecert_auditor;
    END IF;
END $$;
