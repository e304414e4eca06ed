-- The instant of a row that is written now for the task $1: the database's clock, but never below the newest row of the
-- task or of one of its steps (R-24).
select greatest(
  pg_catalog.clock_timestamp() at time zone 'UTC',
  (select max(x.created_at) from public.tasker_task_transitions x where x.task_id = $1::bigint),
  (select max(x.created_at) from public.tasker_workflow_steps s
   join public.tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id
   where s.task_id = $1::bigint)) as at
