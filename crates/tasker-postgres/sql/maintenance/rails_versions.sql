-- Writes the versions $1 as migrations that have run; returns those that were not there.
insert into public.schema_migrations (version) select v from unnest($1) v order by v
on conflict (version) do nothing returning version::text
