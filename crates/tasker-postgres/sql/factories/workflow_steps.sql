insert into public.tasker_workflow_steps (
  task_id, named_step_id, retryable, retry_limit, in_process, processed, processed_at, attempts, last_attempted_at,
  backoff_request_seconds, inputs, results, skippable, created_at, updated_at
)
select
  made.task_id, made.named_step_id, made.retryable, made.retry_limit, made.in_process, made.processed,
  made.processed_at, made.attempts, made.last_attempted_at, made.backoff_request_seconds, made.inputs, made.results,
  made.skippable, made.created_at, made.updated_at
from rows from (jsonb_to_recordset($1::jsonb) as (
  task_id bigint, named_step_id integer, retryable boolean, retry_limit integer, in_process boolean, processed
  boolean, processed_at timestamp, attempts integer, last_attempted_at timestamp, backoff_request_seconds integer,
  inputs jsonb, results jsonb, skippable boolean, created_at timestamp, updated_at timestamp
)) with ordinality as made (
  task_id, named_step_id, retryable, retry_limit, in_process, processed, processed_at, attempts, last_attempted_at,
  backoff_request_seconds, inputs, results, skippable, created_at, updated_at, place
)
order by made.place
returning workflow_step_id::bigint
