-- The people of partners: when each is linked, counts, is certified and owes maintenance. Times begin and end in turn; at an
-- instant something holds if width_bucket(instant, times) is odd, whether or not a timer has fired.

CREATE TABLE consultant_link (
    partner_id text COLLATE "C" NOT NULL,
    consultant_id text COLLATE "C" NOT NULL,
    linked timestamptz[] NOT NULL,
    counting timestamptz[] NOT NULL,
    CONSTRAINT consultant_link_pkey PRIMARY KEY (partner_id, consultant_id)
);
CREATE INDEX consultant_link_consultant_idx ON consultant_link (consultant_id, partner_id);
COMMENT ON TABLE consultant_link IS 'Everybody who was ever linked to a partner, and when it counts there.';
COMMENT ON COLUMN consultant_link.linked IS 'The instants at which it begins and ends, in turn.';
COMMENT ON COLUMN consultant_link.counting IS 'The instants at which it begins and ends, in turn.';

CREATE TABLE consultant_certification (
    consultant_id text COLLATE "C" NOT NULL,
    product text COLLATE "C" NOT NULL,
    partner_id text COLLATE "C" NOT NULL,
    certified timestamptz[] NOT NULL,
    CONSTRAINT consultant_certification_pkey PRIMARY KEY (consultant_id, product, partner_id)
);
COMMENT ON TABLE consultant_certification IS 'When people are certified for each product.';
COMMENT ON COLUMN consultant_certification.partner_id IS
    'A partner where the person ever counts; the rows of all these agree.';
COMMENT ON COLUMN consultant_certification.certified IS 'The instants at which it begins and ends, in turn.';

CREATE TABLE maintenance_duty (
    consultant_id text COLLATE "C" NOT NULL,
    product text COLLATE "C" NOT NULL,
    portal_change_id text COLLATE "C" NOT NULL,
    partner_id text COLLATE "C" NOT NULL,
    due_on date NOT NULL,
    owed timestamptz[] NOT NULL,
    owed_until timestamptz,
    CONSTRAINT maintenance_duty_pkey PRIMARY KEY (consultant_id, product, portal_change_id, partner_id)
);
CREATE INDEX maintenance_duty_owed_idx
    ON maintenance_duty (due_on, portal_change_id, consultant_id, product, partner_id) WHERE owed_until IS NULL;
CREATE INDEX maintenance_duty_until_idx ON maintenance_duty (owed_until) WHERE owed_until IS NOT NULL;
COMMENT ON TABLE maintenance_duty IS 'When people owe the maintenance that a portal change asks for.';
COMMENT ON COLUMN maintenance_duty.partner_id IS 'A partner where the person ever counts; the rows of all these agree.';
COMMENT ON COLUMN maintenance_duty.owed IS 'The instants at which it begins and ends, in turn.';
COMMENT ON COLUMN maintenance_duty.owed_until IS 'The last end; null: without end, if no fact comes.';

DO $$
BEGIN
    IF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT SELECT ON consultant_link, consultant_certification, maintenance_duty TO sagecert_compliance;
    END IF;
    IF to_regrole('sagecert_follower') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON consultant_link, consultant_certification, maintenance_duty
            TO sagecert_follower;
    ELSIF to_regrole('sagecert_compliance') IS NOT NULL THEN
        GRANT INSERT, UPDATE, DELETE ON consultant_link, consultant_certification, maintenance_duty
            TO sagecert_compliance;
    END IF;
END $$;
