with scoped as materialized (
  select task.task_id
  from public.tasker_tasks task
  join public.tasker_named_tasks definition on definition.named_task_id = task.named_task_id
  join public.tasker_task_namespaces namespace on namespace.task_namespace_id = definition.task_namespace_id
  where task.created_at > $1::timestamp
    and ($2::text is null or namespace.name = $2)
    and ($3::text is null or definition.name = $3)
    and ($4::text is null or definition.version = $4)
), steps as materialized (
  select coalesce(step.attempts, 0) as attempts, current_row.to_state, step.results ->> 'error_class' as error_class
  from scoped
  join public.tasker_workflow_steps step on step.task_id = scoped.task_id
  join public.tasker_workflow_step_transitions current_row
    on current_row.workflow_step_id = step.workflow_step_id and current_row.most_recent
), failed as (
  select count(*) as tasks
  from scoped
  join public.tasker_task_transitions current_row on current_row.task_id = scoped.task_id and current_row.most_recent
  where current_row.to_state = 'error' and current_row.created_at > $1::timestamp
), retried as (
  select count(*) as steps, count(*) filter (where to_state = 'complete') as completed from steps where attempts > 1
)
select failed.tasks as total_errors,
  coalesce(round(100.0 * failed.tasks / nullif((select count(*) from scoped), 0), 1), 0)::float8 as recent_error_rate,
  array(
    select error_class from steps where to_state = 'error' and error_class is not null
    group by error_class order by count(*) desc, error_class limit 3
  ) as common_error_types,
  coalesce(round(100.0 * retried.completed / nullif(retried.steps, 0), 1), 0)::float8 as retry_success_rate
from failed cross join retried
