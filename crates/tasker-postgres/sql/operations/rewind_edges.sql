-- The edges between the steps of the task $1.
select g.from_step_id, g.to_step_id
from public.tasker_workflow_steps s join public.tasker_workflow_step_edges g on g.to_step_id = s.workflow_step_id
where s.task_id = $1
order by g.id
