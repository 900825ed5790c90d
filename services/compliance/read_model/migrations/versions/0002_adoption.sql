-- From where on which policy derives. What was published before stays as it was.

CREATE TABLE adoption (
    number integer NOT NULL,
    policy_version text NOT NULL,
    sequence bigint NOT NULL,
    cursor_instant timestamptz NOT NULL,
    cursor_kind smallint NOT NULL,
    cursor_position bigint NOT NULL,
    cursor_partner_id text COLLATE "C" NOT NULL,
    adopted_at timestamptz NOT NULL,
    CONSTRAINT adoption_pkey PRIMARY KEY (number)
);
COMMENT ON TABLE adoption IS 'Policies that took over from what another had published, after correcting it.';
COMMENT ON COLUMN adoption.number IS 'From 1; the last one holds.';
COMMENT ON COLUMN adoption.sequence IS 'The last compliance event that was published before, or corrects that.';

DO $$
BEGIN
    IF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT SELECT ON adoption TO sagecert_compliance;
    END IF;
END $$;
