-- Every step counts once, unlike in the shared function of the same purpose.
select task.task_id, definition.name as task_name, namespace.name as namespace_name, definition.version,
  round(extract(epoch from steps.ended_at - task.created_at), 3)::float8 as duration_seconds,
  steps.step_count, steps.completed_steps, steps.error_steps, task.created_at, steps.ended_at as completed_at,
  task.initiator, task.source_system
from public.tasker_tasks task
join public.tasker_named_tasks definition on definition.named_task_id = task.named_task_id
join public.tasker_task_namespaces namespace on namespace.task_namespace_id = definition.task_namespace_id
cross join lateral (
  select count(*) as step_count,
    count(*) filter (where current_row.to_state = 'complete') as completed_steps,
    count(*) filter (where current_row.to_state = 'error') as error_steps,
    max(current_row.created_at) filter (where current_row.to_state in ('complete', 'error')) as ended_at
  from public.tasker_workflow_steps step
  left join public.tasker_workflow_step_transitions current_row
    on current_row.workflow_step_id = step.workflow_step_id and current_row.most_recent
  where step.task_id = task.task_id
) steps
where task.created_at > $1::timestamp
  and ($2::text is null or namespace.name = $2)
  and ($3::text is null or definition.name = $3)
  and ($4::text is null or definition.version = $4)
  and steps.ended_at is not null
order by steps.ended_at - task.created_at desc, task.task_id
limit 10
