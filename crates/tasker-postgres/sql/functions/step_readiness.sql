-- The first version of the function leaves some values of a step unknown whose attempts are: they count as the second
-- version has them.
select workflow_step_id, task_id, named_step_id, name, current_state, dependencies_satisfied,
  coalesce(retry_eligible, true) as retry_eligible, coalesce(ready_for_execution, false) as ready_for_execution,
  last_failure_at, next_retry_at, total_parents, completed_parents, coalesce(attempts, 0) as attempts, retry_limit,
  backoff_request_seconds, last_attempted_at
from public.get_step_readiness_status($1::bigint, $2::bigint[])
order by workflow_step_id
