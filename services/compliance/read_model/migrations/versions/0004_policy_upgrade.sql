-- The place of a step is (instant, position, partner): a timer has position 0, facts at least 1.

ALTER TABLE progress DROP COLUMN cursor_kind;
COMMENT ON COLUMN progress.cursor_position IS 'append_position of the group; 0 for timers.';

-- An adoption is called what it is: the upgrade to another policy.
ALTER TABLE adoption RENAME TO policy_upgrade;
ALTER TABLE policy_upgrade DROP COLUMN cursor_kind;
ALTER TABLE policy_upgrade RENAME COLUMN adopted_at TO upgraded_at;
ALTER TABLE policy_upgrade RENAME CONSTRAINT adoption_pkey TO policy_upgrade_pkey;
COMMENT ON TABLE policy_upgrade IS 'Policies that took over from another, after correcting what it had published.';
