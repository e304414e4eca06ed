-- What of the task $1 could be started at the instant $2, or now, but for somebody's pause: whether any step whose queue and
-- task type go on, whether any whose queue or type is paused, and in how many seconds the first of the former comes due that
-- waits for its time. Without any pause nothing is looked at. Who names a reserved task works it, whatever is paused.
with step as (
  select exists (
      select from tasker_engine.pause p
      where p.scope = 'queue' and p.name = l.queue or p.scope = 'type' and p.name = n.name || '/' || k.name) as paused,
    (select extract(epoch from w.wake_at - i.now) from tasker_engine.later w
      where w.lane = q.lane and w.wake_at = q.rank and w.step_id = q.step_id and w.wake_at > i.now limit 1)::float8 as wait
  from (select coalesce($2::timestamptz, clock_timestamp()) as now) i
  join tasker_engine.task e on e.task_id = $1 and not e.reserved and exists (select from tasker_engine.pause)
  join public.tasker_workflow_steps s on s.task_id = e.task_id
  join tasker_engine.queue q on q.step_id = s.workflow_step_id and q.owner is null and q.unmet = 0 and not q.dead
  join tasker_engine.definition_step d on d.definition_id = e.definition_id and d.ix = q.ix
  join tasker_engine.lane l on l.lane_id = d.lane_id
  join public.tasker_named_tasks k on k.named_task_id = l.named_task_id
  join public.tasker_task_namespaces n on n.task_namespace_id = k.task_namespace_id
)
select coalesce(bool_or(wait is null and not paused), false) as free, coalesce(bool_or(wait is null and paused), false) as paused,
  min(wait) filter (where not paused) as due_in
from step
