-- The tasks with a step that was completed in the window; a task lasts until the newest end of a step of its.
with durations as (
  select extract(epoch from steps.ended_at - task.created_at) as seconds
  from public.tasker_tasks task
  join public.tasker_named_tasks definition on definition.named_task_id = task.named_task_id
  join public.tasker_task_namespaces namespace on namespace.task_namespace_id = definition.task_namespace_id
  cross join lateral (
    select max(current_row.created_at) as ended_at,
      bool_or(current_row.to_state = 'complete' and current_row.created_at > $1::timestamp) as completed
    from public.tasker_workflow_steps step
    join public.tasker_workflow_step_transitions current_row
      on current_row.workflow_step_id = step.workflow_step_id and current_row.most_recent
      and current_row.to_state in ('complete', 'error')
    where step.task_id = task.task_id
  ) steps
  where task.created_at > $1::timestamp
    and ($2::text is null or namespace.name = $2)
    and ($3::text is null or definition.name = $3)
    and ($4::text is null or definition.version = $4)
    and steps.completed
), percentiles as (
  select percentile_cont(array[0.5, 0.95, 0.99]) within group (order by seconds::float8) as at from durations
)
select coalesce(round(percentiles.at[1]::numeric, 3), 0)::float8 as p50,
  coalesce(round(percentiles.at[2]::numeric, 3), 0)::float8 as p95,
  coalesce(round(percentiles.at[3]::numeric, 3), 0)::float8 as p99,
  (select count(*) from durations where seconds < 10) as under_10,
  (select count(*) from durations where seconds >= 10 and seconds < 30) as under_30,
  (select count(*) from durations where seconds >= 30) as from_30
from percentiles
