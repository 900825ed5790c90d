-- Who is suspended, the latest suspension first. Only standings that are suspended, now or if no fact comes, are written to it.
CREATE INDEX standing_suspended_idx ON standing (since DESC, partner_id, product) INCLUDE (valid_from, valid_to)
    WHERE status = 'suspended';
