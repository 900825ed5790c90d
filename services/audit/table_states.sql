-- name: table_states
-- Of the log's tables $1, in that order, what shows that somebody changed or replaced one: its identity, its file, the rows
-- updated and deleted since the server started, and when that was. PostgreSQL counts a change when its session ends, or up
-- to a second after the commit: the look after that finds it. A superuser can hide a change from this, but not from
-- hashing.
SELECT c.oid::bigint, pg_relation_filenode(c.oid)::bigint, pg_stat_get_tuples_updated(c.oid),
    pg_stat_get_tuples_deleted(c.oid), pg_postmaster_start_time()
FROM unnest($1::text[]) WITH ORDINALITY AS log (name, place) LEFT JOIN pg_class c ON c.oid = to_regclass(log.name)
ORDER BY log.place
