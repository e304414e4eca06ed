-- The tasks of the steps $1.
select workflow_step_id as step_id, task_id from public.tasker_workflow_steps where workflow_step_id = any($1)
