-- All edges that can be reached from the steps $1, each once.
with recursive reached(step_id) as (
  select unnest($1::bigint[])
  union
  select e.to_step_id from reached r join public.tasker_workflow_step_edges e on e.from_step_id = r.step_id
)
select distinct e.from_step_id, e.to_step_id
from reached r join public.tasker_workflow_step_edges e on e.from_step_id = r.step_id
