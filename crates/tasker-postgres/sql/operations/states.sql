-- The tasks $1 with their states.
select t.task_id, coalesce(x.to_state, 'pending') as state, n.name as namespace, k.name, k.version,
  e.task_id is not null as ours, e.paused is not null as paused, coalesce(e.priority, 0) as priority
from public.tasker_tasks t
join public.tasker_named_tasks k on k.named_task_id = t.named_task_id
join public.tasker_task_namespaces n on n.task_namespace_id = k.task_namespace_id
left join tasker_engine.task e on e.task_id = t.task_id
left join public.tasker_task_transitions x on x.task_id = t.task_id and x.most_recent
where t.task_id = any($1)
order by t.task_id
