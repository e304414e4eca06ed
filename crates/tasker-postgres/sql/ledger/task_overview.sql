select t.task_id, n.name as namespace, k.name, k.version,
  coalesce((select x.to_state from public.tasker_task_transitions x where x.task_id = t.task_id and x.most_recent), 'pending') as state,
  e.definition_id, d.content_hash, e.reserved, e.paused is not null as paused
from public.tasker_tasks t
join public.tasker_named_tasks k on k.named_task_id = t.named_task_id
join public.tasker_task_namespaces n on n.task_namespace_id = k.task_namespace_id
left join tasker_engine.task e on e.task_id = t.task_id
left join tasker_engine.definition d on d.definition_id = e.definition_id
where t.task_id = $1
