-- The rows that readiness of task $1 is judged by, in one statement and so of one moment: its steps, and steps of other
-- tasks that they wait for. One row a step; a task without steps is one row without a step. `parents` has one element for
-- each edge into a step of the task, and none for other tasks' steps.
with own as materialized (
  select workflow_step_id from public.tasker_workflow_steps where task_id = $1
), edge as materialized (
  select e.to_step_id, array_agg(e.from_step_id) as parents
  from own join public.tasker_workflow_step_edges e on e.to_step_id = own.workflow_step_id
  group by e.to_step_id
), wanted as materialized (
  select workflow_step_id from own
  union
  select unnest(parents) from edge
)
select t.task_id, t.named_task_id, y.to_state as task_state,
  s.workflow_step_id, s.task_id as owner, s.named_step_id, s.name, s.to_state, s.moved_at, s.attempts, s.retry_limit,
  s.retryable, s.in_process, s.processed, s.backoff_request_seconds, s.last_attempted_at, s.parents
from public.tasker_tasks t
left join public.tasker_task_transitions y on y.task_id = t.task_id and y.most_recent
left join (
  select s.workflow_step_id, s.task_id, s.named_step_id, n.name, x.to_state, x.created_at as moved_at, s.attempts,
    s.retry_limit, s.retryable, s.in_process, s.processed, s.backoff_request_seconds, s.last_attempted_at, e.parents
  from wanted w
  join public.tasker_workflow_steps s on s.workflow_step_id = w.workflow_step_id
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  left join public.tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id and x.most_recent
  left join edge e on e.to_step_id = s.workflow_step_id
) s on true
where t.task_id = $1
