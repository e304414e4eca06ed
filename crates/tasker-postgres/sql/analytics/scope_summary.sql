select count(*) as total_tasks, count(distinct definition.name) as unique_task_types
from public.tasker_tasks task
join public.tasker_named_tasks definition on definition.named_task_id = task.named_task_id
join public.tasker_task_namespaces namespace on namespace.task_namespace_id = definition.task_namespace_id
where task.created_at > $1::timestamp
  and ($2::text is null or namespace.name = $2)
  and ($3::text is null or definition.name = $3)
  and ($4::text is null or definition.version = $4)
