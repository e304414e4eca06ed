-- Takes out queue rows of steps that are gone or that we have no definition of, and unclaimed ones of tasks at rest. A
-- claim on a task that others have ended stays: its outcome is still to be recorded (R-17). $1: how many at most.
with stray as materialized (
  select q.ctid as place from tasker_engine.queue q
  where not exists (
      select from public.tasker_workflow_steps s join tasker_engine.task e on e.task_id = s.task_id
      where s.workflow_step_id = q.step_id)
    or q.owner is null and exists (
      select from public.tasker_workflow_steps s
      join public.tasker_task_transitions x on x.task_id = s.task_id and x.most_recent
      where s.workflow_step_id = q.step_id and x.to_state not in ('pending', 'in_progress'))
  limit $1 for update of q skip locked
)
delete from tasker_engine.queue q using stray where q.ctid = stray.place
