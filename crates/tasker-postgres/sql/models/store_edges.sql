-- Stores the edges `provides` from $1 to $2 that are not there, under whatever name.
insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
select e.from_step_id, e.to_step_id, 'provides', i.at, i.at
from unnest($1::bigint[], $2::bigint[]) with ordinality as e(from_step_id, to_step_id, place),
  (select pg_catalog.statement_timestamp() at time zone 'UTC') i(at)
where not exists (
  select from public.tasker_workflow_step_edges x
  where x.from_step_id = e.from_step_id and x.to_step_id = e.to_step_id)
order by e.place
returning from_step_id, to_step_id
