-- name: log
SELECT l.name, l.origin, l.size FROM audit.log l WHERE l.name = $1

-- name: lease
-- Takes the lease of a log, or renews it; no row while another sealer holds it.
UPDATE audit.log SET
    fence = CASE WHEN held_by = $2 THEN fence ELSE fence + 1 END,
    held_by = $2,
    lease_until = clock_timestamp() + $3 * interval '1 second'
WHERE name = $1 AND (held_by = $2 OR lease_until <= clock_timestamp())
RETURNING origin, size, fence

-- name: release
UPDATE audit.log SET lease_until = '-infinity' WHERE held_by = $1

-- name: grow
-- Nothing is changed by a sealer whose lease was taken over, nor from another size than it has read.
UPDATE audit.log SET size = $4 WHERE name = $1 AND fence = $2 AND size = $3

-- name: store_tiles
INSERT INTO audit.tile (log, level, number, hashes, group_roots)
SELECT $1, t.level, t.number, t.hashes, t.group_roots
FROM unnest($2::smallint[], $3::bigint[], $4::bytea[], $5::bytea[]) t (level, number, hashes, group_roots)
ON CONFLICT (log, level, number) DO UPDATE SET hashes = EXCLUDED.hashes, group_roots = EXCLUDED.group_roots

-- name: store_checkpoint
INSERT INTO audit.checkpoint (log, size, root, note) VALUES ($1, $2, $3, $4)

-- name: store_cosignature
INSERT INTO audit.cosignature (log, size, witness, line) VALUES ($1, $2, $3, $4)
ON CONFLICT (log, size, witness) DO NOTHING

-- name: store_key
INSERT INTO audit.signing_key (number, public_key, fact_position)
SELECT coalesce(max(k.number), 0) + 1, $1, $2 FROM audit.signing_key k
ON CONFLICT (public_key) DO NOTHING

-- name: keys
SELECT k.public_key, k.fact_position FROM audit.signing_key k ORDER BY k.number

-- name: rotations
-- The facts that rotate the signing key, sealed or not.
SELECT e.state, e.notification_id AS position FROM certification.stored_events e WHERE e.originator_id = $1 ORDER BY e.originator_version

-- name: tiles
SELECT t.level, t.number, t.hashes, t.group_roots FROM unnest($2::smallint[], $3::bigint[]) w (level, number)
JOIN audit.tile t ON t.log = $1 AND t.level = w.level AND t.number = w.number

-- name: leaf_tiles
SELECT t.number, t.hashes FROM audit.tile t
WHERE t.log = $1 AND t.level = 0 AND t.number >= $2 AND t.number < $3 ORDER BY t.number

-- name: cosigned_note
-- An expression: the note of a checkpoint, with its cosignatures.
c.note || coalesce((
    SELECT string_agg(s.line || E'\n', '' ORDER BY s.witness) FROM audit.cosignature s
    WHERE s.log = c.log AND s.size = c.size
), '')

-- name: latest_checkpoint
-- The greatest checkpoint up to size $2 that at least $4 of the witnesses $3 cosigned.
SELECT c.size, c.root, {cosigned_note} AS note FROM audit.checkpoint c
WHERE c.log = $1 AND c.size <= CASE WHEN $4 = 0 THEN $2::bigint ELSE (
    SELECT s.size FROM audit.cosignature s
    WHERE s.log = $1 AND s.size <= $2 AND s.witness = ANY($3::text[])
    GROUP BY s.size HAVING count(*) >= $4::int
    ORDER BY s.size DESC LIMIT 1
) END
ORDER BY c.size DESC LIMIT 1

-- name: cosigned_size
-- The greatest size that a witness cosigned.
SELECT coalesce(max(s.size), 0) FROM audit.cosignature s WHERE s.log = $1 AND s.witness = $2

-- name: checkpoints
SELECT c.size, c.root, {cosigned_note} AS note FROM audit.checkpoint c WHERE c.log = $1 AND c.size > $2 AND c.size <= $3
ORDER BY c.size LIMIT $4

-- name: beat
WITH forgotten AS (DELETE FROM audit.heartbeat WHERE beat_at < clock_timestamp() - interval '1 hour' AND held_by <> $1)
INSERT INTO audit.heartbeat AS h (held_by, beat_at, trouble) VALUES ($1, clock_timestamp(), $2)
ON CONFLICT (held_by) DO UPDATE SET beat_at = EXCLUDED.beat_at, trouble = EXCLUDED.trouble
