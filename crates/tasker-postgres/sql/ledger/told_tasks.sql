-- How the tasks $1 stand, for those who are told of them; their contexts only where $2 asks for them.
select t.task_id, k.name, t.created_at, case when $2 then t.context::text end as context,
  c.total_steps, c.completed_steps, c.failed_steps, c.last_end, coalesce(c.failed, '{}') as failed, c.error
from public.tasker_tasks t
join public.tasker_named_tasks k on k.named_task_id = t.named_task_id
cross join lateral (
  select count(*) as total_steps,
    count(*) filter (where x.to_state in ('complete', 'resolved_manually')) as completed_steps,
    count(*) filter (where x.to_state = 'error') as failed_steps,
    max(s.processed_at) filter (where x.to_state in ('complete', 'resolved_manually')) as last_end,
    array_agg(n.name::text order by s.workflow_step_id) filter (where x.to_state = 'error') as failed,
    (array_agg(s.results->>'error' order by s.workflow_step_id) filter (where x.to_state = 'error'))[1] as error
  from public.tasker_workflow_steps s
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  left join public.tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id and x.most_recent
  where s.task_id = t.task_id
) c
where t.task_id = any($1)
