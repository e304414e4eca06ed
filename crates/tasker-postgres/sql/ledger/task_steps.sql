select s.workflow_step_id as step_id, n.name,
  coalesce((select x.to_state from public.tasker_workflow_step_transitions x where x.workflow_step_id = s.workflow_step_id and x.most_recent), 'pending') as state,
  coalesce(s.attempts, 0) as attempts, s.retryable,
  array(select x.to_state::text from public.tasker_workflow_step_transitions x
    where x.workflow_step_id = s.workflow_step_id order by x.sort_key) as transitions,
  coalesce(s.results, '{}')::text as results
from public.tasker_workflow_steps s
join public.tasker_named_steps n on n.named_step_id = s.named_step_id
where s.task_id = $1
order by s.workflow_step_id
