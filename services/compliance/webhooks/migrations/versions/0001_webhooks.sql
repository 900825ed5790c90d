-- Who is told, and how far each has been told. A schema of its own: it outlives every rebuild of the read model.

CREATE TABLE endpoint (
    endpoint_id text COLLATE "C" NOT NULL,
    url text NOT NULL,
    description text NOT NULL,
    types text[],
    partner_ids text[],
    products text[],
    batch_max integer NOT NULL,
    heartbeat_seconds integer,
    state text NOT NULL,
    disabled_because text,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revision bigint NOT NULL DEFAULT 1,
    position bigint NOT NULL,
    epoch bigint NOT NULL DEFAULT 1,
    sequence bigint NOT NULL DEFAULT 0,
    delivered_sequence bigint NOT NULL DEFAULT 0,
    replay_through bigint NOT NULL DEFAULT 0,
    failing_since timestamptz,
    failures integer NOT NULL DEFAULT 0,
    warned_hours integer NOT NULL DEFAULT 0,
    rejecting_since timestamptz,
    next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
    attempts bigint NOT NULL DEFAULT 0,
    last_attempt_at timestamptz,
    last_delivered_at timestamptz,
    last_status integer,
    last_error text,
    fence bigint NOT NULL DEFAULT 0,
    held_by text NOT NULL DEFAULT '',
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT endpoint_pkey PRIMARY KEY (endpoint_id),
    CONSTRAINT endpoint_state_check CHECK (state IN ('active', 'paused', 'disabled')),
    CONSTRAINT endpoint_disabled_check CHECK ((state = 'disabled') = (disabled_because IS NOT NULL)),
    CONSTRAINT endpoint_cursor_check
        CHECK (position >= 0 AND epoch >= 1 AND 0 <= delivered_sequence AND delivered_sequence <= sequence)
) WITH (fillfactor = 50);
COMMENT ON TABLE endpoint IS 'A webhook endpoint, its cursor over the log of compliance events, its health, its lease.';
COMMENT ON COLUMN endpoint.types IS 'The filter: the events of these types; null: of any. Likewise partner_ids, products.';
COMMENT ON COLUMN endpoint.batch_max IS 'Messages that one request may carry; 1: a request is one message.';
COMMENT ON COLUMN endpoint.revision IS 'Raised by every change that whoever delivers must notice.';
COMMENT ON COLUMN endpoint.position IS 'The last compliance event that lies behind: delivered, parked or not of the filter.';
COMMENT ON COLUMN endpoint.sequence IS 'The number, within the epoch, of the last message that lies behind.';
COMMENT ON COLUMN endpoint.delivered_sequence IS 'The last of them that was delivered: those after it are parked.';
COMMENT ON COLUMN endpoint.replay_through IS 'Messages of events up to this position are marked as replayed.';
COMMENT ON COLUMN endpoint.failing_since IS 'The first failure after the last success.';
COMMENT ON COLUMN endpoint.failures IS 'Failures in a row.';
COMMENT ON COLUMN endpoint.warned_hours IS 'The greatest age of the failing of which the log was told.';
COMMENT ON COLUMN endpoint.rejecting_since IS 'Since when the message at the cursor is answered with 400, 413 or 422 only.';
COMMENT ON COLUMN endpoint.attempts IS 'The number of the last attempt.';
COMMENT ON COLUMN endpoint.fence IS 'Raised by every lease: who holds an older one can no longer advance the cursor.';

CREATE TABLE secret (
    endpoint_id text COLLATE "C" NOT NULL REFERENCES endpoint ON DELETE CASCADE,
    scheme text NOT NULL,
    number integer NOT NULL,
    sealed bytea NOT NULL,
    expires_at timestamptz,
    CONSTRAINT secret_pkey PRIMARY KEY (endpoint_id, scheme, number),
    CONSTRAINT secret_scheme_check CHECK (scheme IN ('v1', 'v1a'))
);
COMMENT ON TABLE secret IS 'What signs the messages of an endpoint, sealed with a key that the database never sees.';
COMMENT ON COLUMN secret.expires_at IS 'Null: the present one; older ones go on signing until then.';

CREATE TABLE parked_message (
    endpoint_id text COLLATE "C" NOT NULL REFERENCES endpoint ON DELETE CASCADE,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    position bigint NOT NULL,
    partner_id text COLLATE "C" NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    released boolean NOT NULL DEFAULT false,
    CONSTRAINT parked_message_pkey PRIMARY KEY (endpoint_id, epoch, sequence)
);
CREATE INDEX parked_message_partner_idx ON parked_message (endpoint_id, partner_id, position);
COMMENT ON TABLE parked_message IS
    'A message that the endpoint alone rejected for a day, and the later ones of its partner: kept, not sent.';
COMMENT ON COLUMN parked_message.released IS 'To be sent, ahead of what lies after the cursor.';

CREATE TABLE attempt (
    endpoint_id text COLLATE "C" NOT NULL REFERENCES endpoint ON DELETE CASCADE,
    number bigint NOT NULL,
    kind text NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    message_id text NOT NULL,
    epoch bigint,
    sequence bigint,
    messages integer NOT NULL,
    status integer,
    error text,
    reply bytea NOT NULL,
    CONSTRAINT attempt_pkey PRIMARY KEY (endpoint_id, number),
    CONSTRAINT attempt_kind_check CHECK (kind IN ('event', 'heartbeat', 'test')),
    CONSTRAINT attempt_reply_check CHECK (octet_length(reply) <= 2048)
);
COMMENT ON TABLE attempt IS 'The latest attempts to deliver to each endpoint.';
COMMENT ON COLUMN attempt.message_id IS 'The webhook-id under which it was sent.';
COMMENT ON COLUMN attempt.sequence IS 'Of the first message it carried; null for a heartbeat or a test.';
COMMENT ON COLUMN attempt.error IS 'Why there is no status, or why the status does not count.';

DO $$
BEGIN
    IF to_regrole('sagecert_compliance') IS NOT NULL THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO sagecert_compliance', current_schema());
        GRANT SELECT, INSERT, UPDATE, DELETE ON endpoint, secret, parked_message, attempt TO sagecert_compliance;
    END IF;
END $$;
