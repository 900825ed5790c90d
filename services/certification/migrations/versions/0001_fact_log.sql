-- The fact log of certification and what guards it. Everything is owned by whoever migrates; the two
-- service roles get exactly what they need at the end of this file.

-- The one clock and the append lock --------------------------------------------------------------

-- One row. Whoever appends, draws a barrier or moves the clock locks this table first: it is the append
-- lock. (Locking the log itself would let every autovacuum and ANALYZE of it stall the appends.)
CREATE TABLE certification.recording (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sandbox boolean,                -- null until the first start settles it, for ever
    clock_at timestamptz,           -- sandbox: the instant that the clock was set to
    clock_started_at timestamptz,   -- sandbox: the server's time when it began to run from there; null: it stands still
    floor timestamptz,              -- nothing is recorded before it any more
    CHECK (clock_at IS NULL OR sandbox),
    CHECK (clock_started_at IS NULL OR clock_at IS NOT NULL)
);
INSERT INTO certification.recording DEFAULT VALUES;

-- `tick`: what at least lies between two calls to append; where the clock stands still, nothing.
CREATE FUNCTION certification.clock(OUT now timestamptz, OUT running boolean, OUT tick interval)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT CASE
            WHEN r.clock_at IS NULL THEN clock_timestamp()
            WHEN r.clock_started_at IS NULL THEN r.clock_at
            ELSE r.clock_at + (clock_timestamp() - r.clock_started_at)
        END,
        r.clock_at IS NULL OR r.clock_started_at IS NOT NULL,
        CASE WHEN r.clock_at IS NULL OR r.clock_started_at IS NOT NULL THEN interval '1 microsecond'
             ELSE interval '0' END
        INTO now, running, tick
        FROM certification.recording r;
END $$;
COMMENT ON FUNCTION certification.clock() IS 'The clock of the whole system; in the sandbox the one that was set.';

CREATE FUNCTION certification.now() RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT c.now FROM certification.clock() c);
END $$;

CREATE FUNCTION certification.settle_sandbox(wanted boolean) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE certification.recording SET sandbox = wanted WHERE sandbox IS NULL;
    RETURN (SELECT r.sandbox FROM certification.recording r);
END $$;
COMMENT ON FUNCTION certification.settle_sandbox(boolean) IS
    'Whether this database is a sandbox. The first call decides it for ever; later calls only read it.';

-- The log ----------------------------------------------------------------------------------------

CREATE TABLE certification.stored_events (
    originator_id text COLLATE "C" NOT NULL,    -- the stream, such as consultant-C1
    originator_version bigint NOT NULL,         -- the place in its stream, from 1, without gaps
    topic text COLLATE "C" NOT NULL,
    state bytea NOT NULL,                       -- the bytes of the fact; never rewritten
    notification_id bigint NOT NULL,            -- the position in the log, from 1, without gaps
    append_position bigint NOT NULL,            -- position of the last fact appended by the same call
    fact_id text COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL,           -- never goes backwards along the log
    effective_at timestamptz NOT NULL,
    partner_id text COLLATE "C",                -- whom the fact is about, for reading it without its bytes;
    into_partner_id text COLLATE "C",           -- a void carries the columns of the fact that it voids
    consultant_id text COLLATE "C",
    voided_fact_id text COLLATE "C",
    actor text COLLATE "C",                     -- the receipt of the call, on the fact that it reported only
    idempotency_key text COLLATE "C",
    content_hash bytea,
    held boolean,
    PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX stored_events_notification_id_idx ON certification.stored_events (notification_id);
CREATE UNIQUE INDEX stored_events_fact_id_idx ON certification.stored_events (fact_id);
CREATE UNIQUE INDEX stored_events_receipt_idx ON certification.stored_events (actor, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX stored_events_consultant_idx ON certification.stored_events (consultant_id, notification_id)
    WHERE consultant_id IS NOT NULL;
CREATE INDEX stored_events_partner_idx ON certification.stored_events (partner_id, notification_id)
    WHERE partner_id IS NOT NULL;
CREATE INDEX stored_events_into_partner_idx ON certification.stored_events (into_partner_id, notification_id)
    WHERE into_partner_id IS NOT NULL;
CREATE INDEX stored_events_recorded_at_idx ON certification.stored_events (recorded_at, notification_id);
CREATE UNIQUE INDEX stored_events_voided_idx ON certification.stored_events (voided_fact_id)
    WHERE voided_fact_id IS NOT NULL;
-- Trainings and assessments name the portal change that they are for, which can be declared later.
CREATE FUNCTION certification.portal_change_named(state bytea) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN convert_from(state, 'UTF8')::jsonb #>> '{data,portal_change_id}';
CREATE INDEX stored_events_portal_change_idx
    ON certification.stored_events (certification.portal_change_named(state), notification_id)
    WHERE topic IN (
        'com.sage.partnercloud.course-completed.v1',
        'com.sage.partnercloud.exam-registered.v1'
    ) AND certification.portal_change_named(state) IS NOT NULL;
-- Facts that can reach partners whom they do not name, and the voids that may concern them.
CREATE INDEX stored_events_far_reaching_idx ON certification.stored_events (notification_id)
    WHERE topic IN (
        'com.sage.partnercloud.partners-merged.v1',
        'com.sage.partnercloud.partner-closed.v1',
        'com.sage.partnercloud.portal-change-declared.v1'
    ) OR (topic = 'com.sage.partnercloud.fact-voided.v1' AND consultant_id IS NULL);

CREATE FUNCTION certification.refuse_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'the fact log is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON certification.stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION certification.refuse_change();
ALTER TABLE certification.stored_events ENABLE ALWAYS TRIGGER append_only;

-- What can name people, kept apart so that it can be erased --------------------------------------

CREATE TABLE certification.free_text (
    fact_id text COLLATE "C" PRIMARY KEY,
    salt bytea NOT NULL,            -- goes with the text: without it the hash in the fact tells nothing
    text text NOT NULL
);
CREATE TABLE certification.profile (
    consultant_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL
);

-- Appending --------------------------------------------------------------------------------------

-- Appends the facts of each call, or says of the call why not; one call never hinders another.
--
-- A call: actor, idempotency_key, content_hash, held; free_text and its salt; facts, the reported one first.
-- Its conditions, each null where it does not matter:
--   consultant_id, consultant_seen        no fact of the consultant after this position
--   originator_id, originator_seen        no fact in the stream after this version
--   (voided_fact_id of the first fact)    no void of that fact yet
--   not_before                            the instant that the decision was made for
--   stale_at                              the first instant for which it might be another
-- A fact: originator_id, topic, state, fact_id, effective_at (null: when recorded), partner_id, into_partner_id,
-- consultant_id, voided_fact_id. In its state U+0001 stands wherever the instant of recording belongs.
--
-- Outcomes: 'recorded'; 'replayed' (the key is used: fact_id, position and recorded_at are the first ones);
-- 'conflict' (something newer is stored) and 'stale' (the clock has passed stale_at): decide again.
CREATE FUNCTION certification.append(calls jsonb)
    RETURNS TABLE (outcome text, fact_id text, "position" bigint, recorded_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    call record;
    fact record;
    clock record;
    bottom timestamptz;
    head bigint;
    latest timestamptz;
    stamp_text text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'certification.append needs read committed: each statement must see what is committed';
    END IF;
    LOCK TABLE certification.recording IN EXCLUSIVE MODE;
    SELECT c.now, c.tick INTO clock FROM certification.clock() c;
    SELECT r.floor INTO bottom FROM certification.recording r;
    SELECT e.notification_id, e.recorded_at INTO head, latest
        FROM certification.stored_events e ORDER BY e.notification_id DESC LIMIT 1;
    head := coalesce(head, 0);

    FOR call IN SELECT * FROM jsonb_to_recordset(calls) AS c (
        actor text, idempotency_key text, content_hash bytea, held boolean, free_text text, salt bytea,
        consultant_id text, consultant_seen bigint, originator_id text, originator_seen bigint,
        not_before timestamptz, stale_at timestamptz, facts jsonb)
    LOOP
        SELECT 'replayed', e.fact_id, e.append_position, e.recorded_at
            INTO outcome, fact_id, "position", recorded_at
            FROM certification.stored_events e
            WHERE e.actor = call.actor AND e.idempotency_key = call.idempotency_key;
        IF FOUND THEN
            RETURN NEXT;
            CONTINUE;
        END IF;

        fact_id := call.facts -> 0 ->> 'fact_id';
        "position" := head + jsonb_array_length(call.facts);
        recorded_at := greatest(clock.now, latest + clock.tick, bottom, call.not_before);
        IF EXISTS (SELECT FROM certification.stored_events e
                   WHERE e.consultant_id = call.consultant_id AND e.notification_id > call.consultant_seen)
           OR EXISTS (SELECT FROM certification.stored_events e
                      WHERE e.originator_id = call.originator_id AND e.originator_version > call.originator_seen)
           OR EXISTS (SELECT FROM certification.stored_events e
                      WHERE e.voided_fact_id = call.facts -> 0 ->> 'voided_fact_id')
        THEN
            outcome := 'conflict';
        ELSIF recorded_at >= call.stale_at THEN
            outcome := 'stale';
        ELSE
            outcome := 'recorded';
        END IF;
        IF outcome <> 'recorded' THEN
            fact_id := NULL;
            "position" := NULL;
            recorded_at := NULL;
            RETURN NEXT;
            CONTINUE;
        END IF;

        stamp_text := replace(
            to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z');
        FOR fact IN SELECT * FROM jsonb_to_recordset(call.facts) AS f (
            originator_id text, topic text, state text, fact_id text, effective_at timestamptz,
            partner_id text, into_partner_id text, consultant_id text, voided_fact_id text)
        LOOP
            head := head + 1;
            INSERT INTO certification.stored_events (
                originator_id, originator_version, topic, state, notification_id, append_position, fact_id,
                recorded_at, effective_at, partner_id, into_partner_id, consultant_id, voided_fact_id,
                actor, idempotency_key, content_hash, held)
            VALUES (
                fact.originator_id,
                1 + coalesce((SELECT max(e.originator_version) FROM certification.stored_events e
                              WHERE e.originator_id = fact.originator_id), 0),
                fact.topic, convert_to(replace(fact.state, U&'\0001', stamp_text), 'UTF8'), head, "position",
                fact.fact_id, recorded_at, coalesce(fact.effective_at, recorded_at),
                fact.partner_id, fact.into_partner_id, fact.consultant_id, fact.voided_fact_id,
                call.actor, call.idempotency_key, call.content_hash, call.held);
            call.actor := NULL;  -- the receipt is on the first fact only
            call.idempotency_key := NULL;
            call.content_hash := NULL;
            call.held := NULL;
        END LOOP;
        IF call.free_text IS NOT NULL THEN
            INSERT INTO certification.free_text (fact_id, salt, text) VALUES (fact_id, call.salt, call.free_text);
        END IF;
        latest := recorded_at;
        RETURN NEXT;
    END LOOP;
END $$;

-- Draws a line: every fact recorded before `floor` is committed and visible, `head` being the last of the log, and
-- every later one is recorded at or after it. `floor` lies just after the clock, on it where it stands still.
CREATE FUNCTION certification.barrier(OUT floor timestamptz, OUT head bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    latest timestamptz;
BEGIN
    LOCK TABLE certification.recording IN EXCLUSIVE MODE;
    SELECT e.notification_id, e.recorded_at INTO head, latest
        FROM certification.stored_events e ORDER BY e.notification_id DESC LIMIT 1;
    head := coalesce(head, 0);
    UPDATE certification.recording r
        SET floor = greatest(r.floor, latest, (SELECT c.now + c.tick FROM certification.clock() c))
        RETURNING r.floor INTO floor;
END $$;

-- Sandbox: sets the clock, never back. For the owner only.
CREATE FUNCTION certification.set_clock(instant timestamptz, running boolean) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    latest timestamptz;
BEGIN
    LOCK TABLE certification.recording IN EXCLUSIVE MODE;
    SELECT max(e.recorded_at) INTO latest FROM certification.stored_events e;
    UPDATE certification.recording r
        SET clock_at = instant, clock_started_at = CASE WHEN running THEN clock_timestamp() END
        WHERE r.sandbox AND instant >= greatest(certification.now(), latest, r.floor);
    RETURN FOUND;
END $$;
COMMENT ON FUNCTION certification.set_clock(timestamptz, boolean) IS 'False: it would have gone back, and stays.';

-- Who may do what --------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA certification FROM PUBLIC;

DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['sagecert_certification', 'sagecert_compliance'] LOOP
        IF to_regrole(service) IS NULL
           AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', service);
                EXECUTE format('GRANT %I TO CURRENT_USER', service);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of the server was just migrated too
            END;
        END IF;
    END LOOP;

    IF to_regrole('sagecert_certification') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA certification TO sagecert_certification;
        GRANT SELECT ON certification.stored_events TO sagecert_certification;
        GRANT SELECT, DELETE ON certification.free_text TO sagecert_certification;
        GRANT SELECT, INSERT, UPDATE, DELETE ON certification.profile TO sagecert_certification;
        GRANT EXECUTE ON FUNCTION certification.clock(), certification.now(), certification.append(jsonb),
            certification.barrier(), certification.settle_sandbox(boolean) TO sagecert_certification;
    END IF;
    IF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA certification TO sagecert_compliance;
        GRANT SELECT ON certification.stored_events TO sagecert_compliance;
        GRANT EXECUTE ON FUNCTION certification.clock(), certification.now(), certification.barrier(),
            certification.portal_change_named(bytea) TO sagecert_compliance;
    END IF;
END $$;
