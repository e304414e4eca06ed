-- The steps of the tasks $1 with their states and what decides whether they can be tried again.
select s.task_id, s.workflow_step_id as step_id, coalesce(x.to_state, 'pending') as state,
  coalesce(s.attempts, 0) as attempts, coalesce(s.retry_limit, 3) as retry_limit, coalesce(s.retryable, true) as retryable,
  case when exists (select from tasker_engine.step_deadline d where d.step_id = s.workflow_step_id)
    then tasker_engine.step_deadline_1(s.workflow_step_id) end as deadline,
  exists (
    select from public.tasker_workflow_step_edges g
    left join public.tasker_workflow_step_transitions p on p.workflow_step_id = g.from_step_id and p.most_recent
    where g.to_step_id = s.workflow_step_id and coalesce(p.to_state, 'pending') not in ('complete', 'resolved_manually')) as blocked
from public.tasker_workflow_steps s
left join public.tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id and x.most_recent
where s.task_id = any($1)
order by s.task_id, s.workflow_step_id
