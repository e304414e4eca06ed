-- The rows that readiness of task $1 is judged by, in one statement and so of one moment: its steps, and steps of other
-- tasks that they wait for. One row a step; a task without steps is one row without a step. `parents` has one element for
-- each edge into a step of the task, and none for other tasks' steps.
--
-- Rows are looked up by arrays of ids, so that the plan uses the indexes whatever the statistics say.
with own as materialized (
  select array(select workflow_step_id from public.tasker_workflow_steps where task_id = $1) as ids
), edge as materialized (
  select e.to_step_id, array_agg(e.from_step_id) as parents
  from public.tasker_workflow_step_edges e
  where e.to_step_id = any((select ids from own)::bigint[])
  group by e.to_step_id
), wanted as materialized (
  select array(select unnest(ids) from own union select unnest(parents) from edge) as ids
), newest as materialized (
  select x.workflow_step_id, x.to_state, x.created_at
  from public.tasker_workflow_step_transitions x
  where x.workflow_step_id = any((select ids from wanted)::bigint[]) and x.most_recent
)
select t.task_id, t.named_task_id, y.to_state as task_state,
  s.workflow_step_id, s.task_id as owner, s.named_step_id, s.name, s.to_state, s.moved_at, s.attempts, s.retry_limit,
  s.retryable, s.in_process, s.processed, s.backoff_request_seconds, s.last_attempted_at, s.parents
from public.tasker_tasks t
left join public.tasker_task_transitions y on y.task_id = t.task_id and y.most_recent
left join (
  select s.workflow_step_id, s.task_id, s.named_step_id, n.name, x.to_state, x.created_at as moved_at, s.attempts,
    s.retry_limit, s.retryable, s.in_process, s.processed, s.backoff_request_seconds, s.last_attempted_at, e.parents
  from public.tasker_workflow_steps s
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  left join newest x on x.workflow_step_id = s.workflow_step_id
  left join edge e on e.to_step_id = s.workflow_step_id
  where s.workflow_step_id = any((select ids from wanted)::bigint[])
) s on true
where t.task_id = $1
