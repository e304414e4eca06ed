-- A row of the same name that is there already is taken as it is.
insert into public.tasker_named_tasks_named_steps (
  named_task_id, named_step_id, skippable, default_retryable, default_retry_limit, created_at, updated_at
)
select
  made.named_task_id, made.named_step_id, made.skippable, made.default_retryable, made.default_retry_limit,
  made.created_at, made.updated_at
from rows from (jsonb_to_recordset($1::jsonb) as (
  named_task_id integer, named_step_id integer, skippable boolean, default_retryable boolean, default_retry_limit
  integer, created_at timestamp, updated_at timestamp
)) with ordinality as made (
  named_task_id, named_step_id, skippable, default_retryable, default_retry_limit, created_at, updated_at, place
)
order by made.place
on conflict (named_task_id, named_step_id) do update set named_step_id = excluded.named_step_id
returning id::bigint
