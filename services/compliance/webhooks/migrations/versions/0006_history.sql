-- An endpoint may leave out what follows from facts that were loaded afterwards.

ALTER TABLE endpoint ADD COLUMN history boolean;
COMMENT ON COLUMN endpoint.history IS 'The filter: false: without events of facts that were loaded afterwards; null: any.';

DO $$
BEGIN
    IF to_regrole('sagecert_dispatcher') IS NOT NULL AND to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT UPDATE (history) ON endpoint TO sagecert_compliance;
    END IF;
END $$;
