-- name: table_state
-- What shows that somebody changed or replaced a log's table: its identity, its file, the rows updated and deleted since the
-- server started, and when that was. A superuser can hide a change from this, but not from hashing.
SELECT c.oid::bigint, pg_relation_filenode(c.oid)::bigint, pg_stat_get_tuples_updated(c.oid),
    pg_stat_get_tuples_deleted(c.oid), pg_postmaster_start_time()
FROM pg_class c WHERE c.oid = to_regclass($1)
