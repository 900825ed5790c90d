-- One more fact about a person is decided from what it can change, whatever else the person did.

-- What a fact about a person is about: the product, and the portal change that it is maintenance for. Ids hold no space.
CREATE FUNCTION certification.duty_named(state bytea) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN (convert_from(state, 'UTF8')::jsonb #>> '{data,product}') || ' '
        || coalesce(convert_from(state, 'UTF8')::jsonb #>> '{data,portal_change_id}', '');
CREATE INDEX stored_events_duty_idx ON certification.stored_events
    (consultant_id, certification.duty_named(state), topic, effective_at, notification_id)
    WHERE topic IN (
        'com.sage.partnercloud.course-completed.v1',
        'com.sage.partnercloud.exam-registered.v1',
        'com.sage.partnercloud.certification-recognised.v1',
        'com.sage.partnercloud.revocation-ordered.v1'
    );

-- What a decision states: one grant, or the maintenance of a product for a portal change.
CREATE FUNCTION certification.statement_named(state bytea) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN coalesce(
        convert_from(state, 'UTF8')::jsonb #>> '{data,grant_id}', certification.duty_named(state));
CREATE INDEX stored_events_statement_idx ON certification.stored_events
    (consultant_id, certification.statement_named(state), notification_id)
    WHERE topic IN (
        'com.sage.partnercloud.consultant-certified.v1',
        'com.sage.partnercloud.certification-revoked.v1',
        'com.sage.partnercloud.maintenance-completed.v1'
    );

-- Appends the facts of each call, or says of the call why not; one call never hinders another.
--
-- A call: actor, idempotency_key, content_hash, held; free_text and its salt; facts, the reported one first.
-- Its conditions, each null where it does not matter:
--   consultant_id, consultant_seen        no fact of the consultant after this position
--   originator_id, originator_seen        no fact in the stream after this version
--   (voided_fact_id of the first fact)    no void of that fact yet
--   not_before                            the instant that the decision was made for; never ahead of the clock, but
--                                         in a sandbox
--   stale_at                              the first instant for which it might be another
-- A fact: originator_id, topic, state, fact_id, effective_at (null: when recorded), partner_id, into_partner_id,
-- consultant_id, voided_fact_id. In its state U+0001 stands wherever the instant of recording belongs.
--
-- Outcomes: 'recorded'; 'replayed' (the key is used: fact_id, position and recorded_at are the first ones);
-- 'conflict' (something newer is stored) and 'stale' (the clock has passed stale_at, or is behind not_before):
-- decide again.
CREATE OR REPLACE FUNCTION certification.append(calls jsonb)
    RETURNS TABLE (outcome text, fact_id text, "position" bigint, recorded_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    call record;
    fact record;
    now timestamptz;
    tick interval;
    bottom timestamptz;
    sandboxed boolean;
    newer boolean;
    voided text;
    head bigint;
    latest timestamptz;
    stamp_text text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'certification.append needs read committed: each statement must see what is committed';
    END IF;
    LOCK TABLE certification.recording IN EXCLUSIVE MODE;
    -- What certification.clock() says, without the cost of a call.
    SELECT CASE
            WHEN r.clock_at IS NULL THEN clock_timestamp()
            WHEN r.clock_started_at IS NULL THEN r.clock_at
            ELSE r.clock_at + (clock_timestamp() - r.clock_started_at)
        END,
        CASE WHEN r.clock_at IS NULL OR r.clock_started_at IS NOT NULL THEN interval '1 microsecond'
             ELSE interval '0' END,
        r.floor, r.sandbox IS TRUE, coalesce(last.notification_id, 0), last.recorded_at
        INTO now, tick, bottom, sandboxed, head, latest
        FROM certification.recording r LEFT JOIN (
            SELECT e.notification_id, e.recorded_at
            FROM certification.stored_events e ORDER BY e.notification_id DESC LIMIT 1
        ) last ON true;

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
        recorded_at := greatest(now, latest + tick, bottom, call.not_before);
        -- One condition after the other, so that those that are not set cost nothing.
        newer := false;
        IF call.consultant_id IS NOT NULL THEN
            newer := EXISTS (SELECT FROM certification.stored_events e
                WHERE e.consultant_id = call.consultant_id AND e.notification_id > call.consultant_seen);
        END IF;
        IF call.originator_id IS NOT NULL AND NOT newer THEN
            newer := EXISTS (SELECT FROM certification.stored_events e
                WHERE e.originator_id = call.originator_id AND e.originator_version > call.originator_seen);
        END IF;
        voided := call.facts -> 0 ->> 'voided_fact_id';
        IF voided IS NOT NULL AND NOT newer THEN
            newer := EXISTS (SELECT FROM certification.stored_events e WHERE e.voided_fact_id = voided);
        END IF;
        IF newer THEN
            outcome := 'conflict';
        ELSIF recorded_at >= call.stale_at OR (call.not_before > now AND NOT sandboxed) THEN
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
            IF position(U&'"recorded_at":"\0001"' IN fact.state) = 0 THEN
                RAISE EXCEPTION 'fact % leaves its instant of recording to nobody', fact.fact_id
                    USING ERRCODE = 'check_violation';
            END IF;
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

REVOKE ALL ON FUNCTION certification.duty_named(bytea), certification.statement_named(bytea) FROM PUBLIC;
DO $$
BEGIN
    IF to_regrole('sagecert_certification') IS NOT NULL THEN
        GRANT EXECUTE ON FUNCTION certification.duty_named(bytea), certification.statement_named(bytea),
            certification.portal_change_named(bytea) TO sagecert_certification;
    END IF;
END $$;
