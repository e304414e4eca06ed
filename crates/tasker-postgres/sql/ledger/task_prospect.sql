-- One statement, so one snapshot: an exchange that moves a step from one of these places to another is seen whole or not
-- at all.
with q as materialized (
  select q.owner, q.lane, q.rank, q.step_id
  from public.tasker_workflow_steps s join tasker_engine.queue q on q.step_id = s.workflow_step_id
  where s.task_id = $1
)
select
  coalesce((select x.to_state from public.tasker_task_transitions x where x.task_id = t.task_id and x.most_recent), 'pending') as state,
  exists (select from q where q.owner is not null) as held,
  exists (select from q join tasker_engine.ready r on r.lane = q.lane and r.rank = q.rank and r.step_id = q.step_id) as ready,
  exists (select from q join tasker_engine.later l on l.lane = q.lane and l.wake_at = q.rank and l.step_id = q.step_id) as waiting
from public.tasker_tasks t
where t.task_id = $1
