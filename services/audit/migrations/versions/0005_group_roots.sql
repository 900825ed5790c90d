-- A proof needs few hashes of a tile: the 16 around its entry, and the roots over each 16 of the others.

ALTER TABLE audit.tile ADD COLUMN group_roots bytea CHECK (octet_length(group_roots) = 512);
ALTER TABLE audit.tile ALTER COLUMN group_roots SET STORAGE PLAIN;
COMMENT ON COLUMN audit.tile.group_roots IS 'The root over each 16 of the hashes; null: the tile is partial.';

CREATE FUNCTION pg_temp.pair_up(hashes bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (
        SELECT string_agg(sha256('\x01'::bytea || substring(hashes FROM 64 * place + 1 FOR 64)), ''::bytea ORDER BY place)
        FROM generate_series(0, octet_length(hashes) / 64 - 1) place
    );
END $$;
-- What is appended to the hashes: nothing, so that each tile is read once.
UPDATE audit.tile t
SET group_roots = pg_temp.pair_up(pg_temp.pair_up(pg_temp.pair_up(pg_temp.pair_up(t.hashes || ''::bytea))))
WHERE octet_length(t.hashes) = 8192;
DROP FUNCTION pg_temp.pair_up(bytea);
