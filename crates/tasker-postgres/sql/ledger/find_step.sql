-- The steps of the task $1 that are called $2.
select s.workflow_step_id as step_id
from public.tasker_workflow_steps s
join public.tasker_named_steps n on n.named_step_id = s.named_step_id
where s.task_id = $1 and n.name = $2
order by s.workflow_step_id
