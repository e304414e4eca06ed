-- Stores those of the systems $1 that are not there. Rivals wait for each other in the order of names, so that no two
-- wait in a circle; a name that is there draws no number from the sequence.
insert into public.tasker_dependent_systems (name, created_at, updated_at)
select n.name, i.at, i.at
from (select distinct name from unnest($1::text[]) as given(name)) n,
  (select pg_catalog.statement_timestamp() at time zone 'UTC') i(at)
where not exists (select from public.tasker_dependent_systems s where s.name = n.name)
order by n.name
on conflict do nothing
