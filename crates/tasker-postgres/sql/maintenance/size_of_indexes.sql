-- Bytes of all indexes of the tables $1 in `public`.
select coalesce(sum(pg_indexes_size(oid)), 0)::bigint from pg_catalog.pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname = any($1)
