-- Corrections of what another engine published name the fact that installed the present one.
ALTER TABLE policy_upgrade ADD COLUMN engine_fact_id text COLLATE "C";
COMMENT ON COLUMN policy_upgrade.engine_fact_id IS 'The fact that is the cause of the corrections.';
