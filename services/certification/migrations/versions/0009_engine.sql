-- The engine that decides. It is a fact of the log, `engine-installed`; here the append finds it under its lock.
ALTER TABLE certification.recording
    ADD COLUMN engine_id text COLLATE "C",
    ADD COLUMN engine_fact_id text COLLATE "C";
COMMENT ON COLUMN certification.recording.engine_id IS 'Who decides; null until an engine was installed: anybody.';
COMMENT ON COLUMN certification.recording.engine_fact_id IS 'The fact that installed it.';

-- The engine installed, for everybody who may use the schema. Nulls: none was.
CREATE FUNCTION certification.engine(OUT engine_id text, OUT fact_id text)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT r.engine_id, r.engine_fact_id INTO engine_id, fact_id FROM certification.recording r;
END $$;

-- Appends what this engine decided, as append(calls) does; raises CE001, with the id of the engine installed, where that is
-- another. The lock is that of append(calls).
CREATE FUNCTION certification.append(calls jsonb, engine_id text)
    RETURNS TABLE (outcome text, fact_id text, "position" bigint, recorded_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    installed text;
BEGIN
    LOCK TABLE certification.recording IN EXCLUSIVE MODE;
    SELECT r.engine_id INTO installed FROM certification.recording r;
    IF installed <> append.engine_id THEN
        RAISE EXCEPTION '%', installed USING ERRCODE = 'CE001';
    END IF;
    RETURN QUERY SELECT a.outcome, a.fact_id, a."position", a.recorded_at FROM certification.append(calls) a;
END $$;

REVOKE ALL ON FUNCTION certification.append(jsonb, text) FROM PUBLIC;
DO $$
BEGIN
    IF to_regrole('sagecert_certification') IS NOT NULL THEN
        GRANT EXECUTE ON FUNCTION certification.append(jsonb, text) TO sagecert_certification;
    END IF;
END $$;
