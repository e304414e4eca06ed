-- Stores those of the step types, names $2 in the systems $1, that are not there.
insert into public.tasker_named_steps (dependent_system_id, name, created_at, updated_at)
select s.dependent_system_id, n.name, i.at, i.at
from (select distinct system, name from unnest($1::text[], $2::text[]) as given(system, name)) n
join public.tasker_dependent_systems s on s.name = n.system,
  (select pg_catalog.statement_timestamp() at time zone 'UTC') i(at)
where not exists (
  select from public.tasker_named_steps k where k.dependent_system_id = s.dependent_system_id and k.name = n.name)
order by n.system, n.name
on conflict do nothing
