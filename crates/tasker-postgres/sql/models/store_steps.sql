-- Stores a step of the task $1 for each of the types $2 (limits $3, $4 retryable, $5 skippable) in their order, with the
-- inputs $6.
insert into public.tasker_workflow_steps
  (task_id, named_step_id, retryable, retry_limit, skippable, in_process, processed, attempts, inputs, results,
   created_at, updated_at)
select $1::bigint, n.named_step_id, n.retryable, n.retry_limit, n.skippable, false, false, 0, $6::text::jsonb, '{}', i.at, i.at
from unnest($2::integer[], $3::integer[], $4::boolean[], $5::boolean[]) with ordinality
  as n(named_step_id, retry_limit, retryable, skippable, place),
  (select pg_catalog.statement_timestamp() at time zone 'UTC') i(at)
order by n.place
