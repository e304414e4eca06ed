-- The tasks $1, in this order, with their states and how far they have come.
select t.task_id, n.name as namespace, k.name, k.version, coalesce(x.to_state, 'pending') as state,
  coalesce(x.created_at, t.created_at) as since, t.requested_at, coalesce(e.paused is not null, false) as paused,
  c.steps, c.ended_well
from unnest($1::bigint[]) with ordinality a(task_id, place)
join public.tasker_tasks t on t.task_id = a.task_id
join public.tasker_named_tasks k on k.named_task_id = t.named_task_id
join public.tasker_task_namespaces n on n.task_namespace_id = k.task_namespace_id
left join tasker_engine.task e on e.task_id = t.task_id
left join public.tasker_task_transitions x on x.task_id = t.task_id and x.most_recent
cross join lateral (
  select count(*) as steps, count(*) filter (where y.to_state in ('complete', 'resolved_manually')) as ended_well
  from public.tasker_workflow_steps s
  left join public.tasker_workflow_step_transitions y on y.workflow_step_id = s.workflow_step_id and y.most_recent
  where s.task_id = t.task_id
) c
order by a.place
