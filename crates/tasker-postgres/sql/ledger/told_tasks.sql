-- How the tasks $1 stand, for those who are told of them, in this order: as many of the first as it takes for their contexts
-- to have $2 bytes together, at least one. A task that is missing before the last of them is none. Instants that no
-- calendar has are those of its first or last year.
with asked as materialized (
  select a.place, t.task_id, t.named_task_id, t.created_at, t.context::text as context
  from unnest($1::bigint[]) with ordinality a(task_id, place)
  join public.tasker_tasks t on t.task_id = a.task_id
), summed as (
  select a.*, coalesce(sum(octet_length(a.context)) over (order by a.place rows between unbounded preceding and 1 preceding), 0) as before
  from asked a
)
select t.task_id, k.name, greatest('0001-01-01', least(t.created_at, '9999-12-31')) as created_at, t.context,
  c.total_steps, c.completed_steps, c.failed_steps,
  case when c.last_end is not null then greatest('0001-01-01', least(c.last_end, '9999-12-31')) end as last_end, coalesce(c.failed, '{}') as failed, c.error
from summed t
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
where t.before < $2
order by t.place
