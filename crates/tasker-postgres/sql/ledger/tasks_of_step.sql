-- The task of step $1 by the record, and the one by the queue where that is another or the step is gone.
select task_id from public.tasker_workflow_steps where workflow_step_id = $1
union
select task_id from tasker_engine.queue where step_id = $1
