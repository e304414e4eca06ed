-- Signatures of all functions in schema `tasker_engine` and of those named in $1 in `public`.
select n.nspname::text as schema_name, p.oid::regprocedure::text as signature
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.prokind = 'f' and (n.nspname = 'tasker_engine' or n.nspname = 'public' and p.proname = any($1))
order by 1, 2
