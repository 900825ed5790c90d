-- The read model of compliance. Nothing names the schema: it is the first on the search path.

CREATE TABLE progress (
    only_row boolean NOT NULL DEFAULT true,
    position bigint NOT NULL,
    known_through timestamptz NOT NULL,
    cursor_instant timestamptz NOT NULL,
    cursor_kind smallint NOT NULL,
    cursor_position bigint NOT NULL,
    cursor_partner_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    policy_version text NOT NULL,
    held_by text NOT NULL,
    advanced_at timestamptz NOT NULL,
    CONSTRAINT progress_pkey PRIMARY KEY (only_row),
    CONSTRAINT progress_only_row_check CHECK (only_row)
);
COMMENT ON TABLE progress IS 'How far the projection has come. Its row is locked by whoever advances it.';
COMMENT ON COLUMN progress.only_row IS 'There is one row.';
COMMENT ON COLUMN progress.position IS 'The last fact applied for every partner.';
COMMENT ON COLUMN progress.cursor_kind IS '0: timers, 1: a group of facts.';
COMMENT ON COLUMN progress.cursor_position IS 'append_position of the group, 0 for timers.';
COMMENT ON COLUMN progress.sequence IS 'The number of the last compliance event.';
COMMENT ON COLUMN progress.held_by IS 'The process that advanced it last.';

CREATE TABLE compliance_event (
    sequence bigint NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    partner_id text COLLATE "C" NOT NULL,
    products text[] NOT NULL,
    effective_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    position bigint NOT NULL,
    subject text NOT NULL,
    data bytea NOT NULL,
    CONSTRAINT compliance_event_pkey PRIMARY KEY (sequence),
    CONSTRAINT compliance_event_event_id_key UNIQUE (event_id)
);
CREATE INDEX compliance_event_partner_idx ON compliance_event (partner_id, sequence);
COMMENT ON TABLE compliance_event IS 'The log of compliance events: append-only, gapless.';
COMMENT ON COLUMN compliance_event.sequence IS 'From 1, without gaps.';
COMMENT ON COLUMN compliance_event.position IS 'append_position of the facts behind it, 0 for a timer.';
COMMENT ON COLUMN compliance_event.data IS 'The bytes of its JSON; never rewritten.';

CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'the log of compliance events is append-only: % is refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE compliance_event ENABLE ALWAYS TRIGGER append_only;

CREATE TABLE standing (
    partner_id text COLLATE "C" NOT NULL,
    product text COLLATE "C" NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    status text NOT NULL,
    headcount integer NOT NULL,
    minimum integer,
    shortfall integer,
    body bytea NOT NULL,
    CONSTRAINT standing_pkey PRIMARY KEY (partner_id, product, valid_from)
);
CREATE INDEX standing_status_idx ON standing (status, partner_id, product);
COMMENT ON TABLE standing IS
    'The present standing and those that follow if no fact comes: right by the clock without a timer.';
COMMENT ON COLUMN standing.valid_to IS 'Exclusive; null: until a fact comes.';
COMMENT ON COLUMN standing.body IS 'The JSON members of the answer that follow `position`.';

CREATE TABLE replacement_window (
    partner_id text COLLATE "C" NOT NULL,
    product text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    opened_at timestamptz NOT NULL,
    deadline_on date NOT NULL,
    deadline_at timestamptz NOT NULL,
    closed_at timestamptz,
    closed_outcome text,
    CONSTRAINT replacement_window_pkey PRIMARY KEY (partner_id, product, number),
    CONSTRAINT replacement_window_closed_check CHECK ((closed_at IS NULL) = (closed_outcome IS NULL))
);
CREATE INDEX replacement_window_deadline_idx ON replacement_window (deadline_at, partner_id, product, number);
COMMENT ON TABLE replacement_window IS
    'Every replacement window; whether it is open at an instant follows from its instants.';
COMMENT ON COLUMN replacement_window.number IS 'From 1, in opening order.';
COMMENT ON COLUMN replacement_window.closed_at IS 'May lie in the future.';
COMMENT ON COLUMN replacement_window.closed_outcome IS 'The outcome from closed_at on; null while it is null.';

CREATE TABLE timer (
    partner_id text COLLATE "C" NOT NULL,
    due_at timestamptz NOT NULL,
    CONSTRAINT timer_pkey PRIMARY KEY (partner_id)
);
CREATE INDEX timer_due_idx ON timer (due_at, partner_id);
COMMENT ON TABLE timer IS 'The next instant at which time alone changes or announces something for a partner.';

-- Nothing is known yet; '~' sorts after every id. The policy that derives first puts its version in.
INSERT INTO progress (
    position, known_through, cursor_instant, cursor_kind, cursor_position, cursor_partner_id,
    sequence, policy_version, held_by, advanced_at)
VALUES (0, 'epoch', 'epoch', 0, 0, '~', 0, '', '', clock_timestamp());

DO $$
BEGIN
    IF to_regrole('sagecert_compliance') IS NULL
       AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
        BEGIN
            CREATE ROLE sagecert_compliance LOGIN;
            GRANT sagecert_compliance TO CURRENT_USER;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of the server was just migrated too
        END;
    END IF;
    IF to_regrole('sagecert_compliance') IS NOT NULL THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO sagecert_compliance', current_schema());
        GRANT SELECT, UPDATE ON progress TO sagecert_compliance;
        GRANT SELECT, INSERT ON compliance_event TO sagecert_compliance;
        GRANT SELECT, INSERT, UPDATE, DELETE ON standing, replacement_window, timer TO sagecert_compliance;
    END IF;
END $$;
