-- Appends calls that were decided one after the other: a batch.
--
-- A call has one condition more than those that 0001 lists:
--   follows    it was decided as if the calls before it in this statement were recorded. What they append is nothing
--              newer to it, and it is a conflict where one of them is not recorded.
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
    first_head bigint;
    interrupted boolean := false;
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

    first_head := head;

    FOR call IN SELECT * FROM jsonb_to_recordset(calls) AS c (
        actor text, idempotency_key text, content_hash bytea, held boolean, free_text text, salt bytea,
        consultant_id text, consultant_seen bigint, originator_id text, originator_seen bigint,
        not_before timestamptz, stale_at timestamptz, follows boolean, facts jsonb)
    LOOP
        SELECT 'replayed', e.fact_id, e.append_position, e.recorded_at
            INTO outcome, fact_id, "position", recorded_at
            FROM certification.stored_events e
            WHERE e.actor = call.actor AND e.idempotency_key = call.idempotency_key;
        IF FOUND THEN
            interrupted := true;
            RETURN NEXT;
            CONTINUE;
        END IF;

        fact_id := call.facts -> 0 ->> 'fact_id';
        "position" := head + jsonb_array_length(call.facts);
        recorded_at := greatest(now, latest + tick, bottom, call.not_before);
        -- One condition after the other, so that those that are not set cost nothing.
        newer := call.follows IS TRUE AND interrupted;
        IF call.consultant_id IS NOT NULL AND NOT newer THEN
            newer := EXISTS (SELECT FROM certification.stored_events e
                WHERE e.consultant_id = call.consultant_id AND e.notification_id > call.consultant_seen
                    AND (e.notification_id <= first_head OR call.follows IS NOT TRUE));
        END IF;
        IF call.originator_id IS NOT NULL AND NOT newer THEN
            newer := EXISTS (SELECT FROM certification.stored_events e
                WHERE e.originator_id = call.originator_id AND e.originator_version > call.originator_seen
                    AND (e.notification_id <= first_head OR call.follows IS NOT TRUE));
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
        interrupted := interrupted OR outcome <> 'recorded';
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
