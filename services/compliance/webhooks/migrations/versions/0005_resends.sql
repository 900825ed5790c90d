-- One message is sent once more on request; attempts at it are logged like others.

ALTER TABLE attempt DROP CONSTRAINT attempt_kind_check;
ALTER TABLE attempt ADD CONSTRAINT attempt_kind_check CHECK (kind IN ('event', 'heartbeat', 'test', 'resend'));
