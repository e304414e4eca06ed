-- A step without a history is pending. $5 is the present instant.
with pending as materialized (
  select step.workflow_step_id, step.named_step_id, step.created_at,
    (
      select count(*)
      from public.tasker_workflow_step_edges edge
      left join public.tasker_workflow_step_transitions parent
        on parent.workflow_step_id = edge.from_step_id and parent.most_recent
      where edge.to_step_id = step.workflow_step_id
        and coalesce(parent.to_state, 'pending') not in ('complete', 'resolved_manually')
    ) as unfinished_parents
  from public.tasker_tasks task
  join public.tasker_named_tasks definition on definition.named_task_id = task.named_task_id
  join public.tasker_task_namespaces namespace on namespace.task_namespace_id = definition.task_namespace_id
  join public.tasker_workflow_steps step on step.task_id = task.task_id
  left join public.tasker_workflow_step_transitions current_row
    on current_row.workflow_step_id = step.workflow_step_id and current_row.most_recent
  where task.created_at > $1::timestamp
    and ($2::text is null or namespace.name = $2)
    and ($3::text is null or definition.name = $3)
    and ($4::text is null or definition.version = $4)
    and coalesce(current_row.to_state, 'pending') = 'pending'
)
select coalesce(sum(unfinished_parents), 0)::bigint as blocking_dependencies,
  coalesce(round(
    avg(extract(epoch from $5::timestamp - created_at)) filter (where created_at < $5::timestamp - interval '5 minutes'), 1
  ), 0)::float8 as avg_wait_time,
  array(
    select named_step.name::text
    from pending blocked
    join public.tasker_named_steps named_step on named_step.named_step_id = blocked.named_step_id
    where blocked.unfinished_parents > 0
    group by named_step.name order by count(*) desc, named_step.name limit 3
  ) as most_blocked_steps
from pending
