select step.workflow_step_id, step.task_id, named_step.name as step_name, definition.name as task_name,
  namespace.name as namespace_name, definition.version,
  round(extract(epoch from completion.created_at - step.created_at), 3)::float8 as duration_seconds,
  coalesce(step.attempts, 0) as attempts, step.created_at, completion.created_at as completed_at, step.retryable
from public.tasker_workflow_steps step
join public.tasker_workflow_step_transitions completion
  on completion.workflow_step_id = step.workflow_step_id and completion.most_recent
  and completion.to_state = 'complete'
join public.tasker_named_steps named_step on named_step.named_step_id = step.named_step_id
join public.tasker_tasks task on task.task_id = step.task_id
join public.tasker_named_tasks definition on definition.named_task_id = task.named_task_id
join public.tasker_task_namespaces namespace on namespace.task_namespace_id = definition.task_namespace_id
where step.created_at > $1::timestamp
  and completion.created_at > step.created_at
  and ($2::text is null or namespace.name = $2)
  and ($3::text is null or definition.name = $3)
  and ($4::text is null or definition.version = $4)
order by completion.created_at - step.created_at desc, step.workflow_step_id
limit 10
