-- Every move of the task $1 and of its steps, in the order in which they were made: what carries the same instant was
-- written together, the task's beginning before its steps' moves and its end after them.
select h.transition_id, h.step_id, h.step, h.from_state, h.to_state, h.metadata, h.created_at, h.sort_key
from (
  select x.id as transition_id, null::bigint as step_id, null::text as step, x.from_state::text, x.to_state::text,
    x.metadata, x.created_at, x.sort_key,
    case when bool_and(x.to_state in ('pending', 'in_progress')) over (partition by x.created_at order by x.sort_key)
      then 0 else 2 end as place
  from public.tasker_task_transitions x where x.task_id = $1
  union all
  select x.id, s.workflow_step_id, n.name, x.from_state, x.to_state, x.metadata, x.created_at, x.sort_key, 1
  from public.tasker_workflow_steps s
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  join public.tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id
  where s.task_id = $1
) h
order by h.created_at, h.place, h.sort_key, h.transition_id
