-- Reminders are made by the dispatcher, also of maintenance that is owed.
DO $$
BEGIN
    IF to_regrole('sagecert_dispatcher') IS NOT NULL THEN
        GRANT SELECT ON consultant_link, maintenance_duty TO sagecert_dispatcher;
    END IF;
END $$;
