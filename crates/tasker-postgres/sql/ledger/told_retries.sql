-- Which of the steps $1 went from error by way of pending to the attempt $2 (R-11), and not on from pending after they
-- had been handed back. Of several such starts it is the newest that is meant.
select b.workflow_step_id
from unnest($1::bigint[], $2::integer[]) a(step_id, attempt)
cross join lateral (
  select x.workflow_step_id, x.sort_key
  from public.tasker_workflow_step_transitions x
  where x.workflow_step_id = a.step_id and x.to_state = 'in_progress' and (x.metadata->>'attempt')::int = a.attempt
  order by x.sort_key desc limit 1
) b
join public.tasker_workflow_step_transitions p on p.workflow_step_id = b.workflow_step_id and p.sort_key = b.sort_key - 10
  and p.to_state = 'pending' and p.from_state = 'error' and (p.metadata->>'attempt')::int = a.attempt
where p.metadata->>'reason' is null
