-- The indexes of the tables $1 in `public`: table, name, whether it can be used, bytes.
select relation.relname::text as table_name, named.relname::text as name, index.indisvalid as usable,
  pg_relation_size(index.indexrelid) as bytes
from pg_catalog.pg_index index
join pg_catalog.pg_class named on named.oid = index.indexrelid
join pg_catalog.pg_class relation on relation.oid = index.indrelid
where relation.relnamespace = 'public'::regnamespace and relation.relname = any($1)
order by relation.relname, named.relname
