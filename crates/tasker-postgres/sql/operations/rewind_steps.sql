-- The steps of the task $1 with their states, in the order in which they were made.
select s.workflow_step_id as step_id, n.name, coalesce(x.to_state, 'pending') as state
from public.tasker_workflow_steps s
join public.tasker_named_steps n on n.named_step_id = s.named_step_id
left join public.tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id and x.most_recent
where s.task_id = $1
order by s.workflow_step_id
