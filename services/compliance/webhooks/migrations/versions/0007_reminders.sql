-- Reminders by e-mail: how far the log was read for them, what is to be told, and in which mail. Beside the endpoints of
-- webhooks, for it outlives every rebuild too.

CREATE TABLE reminder_progress (
    single boolean NOT NULL DEFAULT true,
    position bigint NOT NULL,
    maintenance_at timestamptz NOT NULL DEFAULT '-infinity',
    maintenance_on date NOT NULL DEFAULT '-infinity',
    CONSTRAINT reminder_progress_pkey PRIMARY KEY (single),
    CONSTRAINT reminder_progress_check CHECK (single)
);
COMMENT ON TABLE reminder_progress IS 'One row: up to where reminders were made of the log, and when of owed maintenance.';
COMMENT ON COLUMN reminder_progress.maintenance_on IS 'The London day, by the clock of the system.';

CREATE TABLE reminder_mail (
    mail_id text COLLATE "C" NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
    sent_at timestamptz,
    given_up_at timestamptz,
    error text,
    CONSTRAINT reminder_mail_pkey PRIMARY KEY (mail_id)
);
CREATE INDEX reminder_mail_due_idx ON reminder_mail (next_attempt_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
COMMENT ON TABLE reminder_mail IS 'A mail; its reminders never change, and each is in one mail.';
COMMENT ON COLUMN reminder_mail.next_attempt_at IS 'While somebody sends it: when another may.';

CREATE TABLE reminder (
    reminder_id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    partner_id text COLLATE "C" NOT NULL,
    product text COLLATE "C" NOT NULL,
    due_on date NOT NULL,
    days_left integer NOT NULL,
    portal_change_id text COLLATE "C",
    people integer,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    mail_id text COLLATE "C" REFERENCES reminder_mail ON DELETE CASCADE,
    CONSTRAINT reminder_pkey PRIMARY KEY (reminder_id),
    CONSTRAINT reminder_kind_check CHECK (kind IN ('window', 'suspension', 'maintenance'))
);
CREATE INDEX reminder_unsent_idx ON reminder (made_at, reminder_id) WHERE mail_id IS NULL;
CREATE INDEX reminder_mail_idx ON reminder (mail_id);
COMMENT ON TABLE reminder IS 'What is told once. The id is that of the event, or of the duty and the days before it.';
COMMENT ON COLUMN reminder.due_on IS 'The last day of the window or duty; of a suspension the day on which it began.';

DO $$
BEGIN
    IF to_regrole('sagecert_dispatcher') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE ON reminder_progress TO sagecert_dispatcher;
        GRANT SELECT, INSERT, UPDATE, DELETE ON reminder_mail, reminder TO sagecert_dispatcher;
    END IF;
    IF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT SELECT ON reminder_progress, reminder_mail, reminder TO sagecert_compliance;
    END IF;
END $$;
