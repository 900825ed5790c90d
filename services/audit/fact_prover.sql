-- name: proved_facts
-- The latest checkpoint that counts (up to size $2, $4 of the witnesses $3), and what proves the facts at the positions $5 by
-- it: the entry, and of a full tile of hashes the 16 around its own and the root over each 16. All 256 where the tile was
-- stored without such roots. Without positions it is the checkpoint alone.
SELECT c.size, c.root, c.note, f.position, f.entry, f.group_roots, f.hashes
FROM ({latest_checkpoint}) c LEFT JOIN LATERAL (
    SELECT w.position, {fact_entry} AS entry, t.group_roots,
        CASE WHEN t.group_roots IS NULL THEN t.hashes
            ELSE substring(t.hashes FROM (((w.position - 1) & 255) >> 4)::integer * 512 + 1 FOR 512) END AS hashes
    FROM unnest($5::bigint[]) w (position)
    JOIN certification.stored_events e ON e.notification_id = w.position
    LEFT JOIN audit.tile t ON t.log = $1 AND t.level = 0 AND t.number = (w.position - 1) >> 8 AND t.number < c.size >> 8
    WHERE w.position <= c.size
) f ON true
