-- The tables $1 in `public` and all of ours: rows and bytes. Rows are counted where the table has at most $2 bytes,
-- else they are what the last ANALYZE or VACUUM said, in proportion to the size that the table has now.
select n.nspname || '.' || c.relname as name,
  case when pg_relation_size(c.oid) <= $2
    then (xpath('/row/rows/text()', query_to_xml(format('select count(*) as rows from %I.%I', n.nspname, c.relname), false, true, '')))[1]::text::bigint
    else (greatest(c.reltuples, 0)::float8 * pg_relation_size(c.oid)
      / (greatest(c.relpages, 1)::float8 * current_setting('block_size')::float8))::bigint
  end as rows,
  pg_relation_size(c.oid) <= $2 as exact,
  pg_table_size(c.oid) as table_bytes, pg_indexes_size(c.oid) as index_bytes
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and (n.nspname = 'public' and c.relname = any($1) or n.nspname = 'tasker_engine')
order by pg_total_relation_size(c.oid) desc, name
