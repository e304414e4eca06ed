-- Stores the defaults of the step types $2 (limits $3, $4 retryable, $5 skippable) for the task type $1, unless that has
-- defaults for a step of the same name, whatever its system.
insert into public.tasker_named_tasks_named_steps
  (named_task_id, named_step_id, default_retry_limit, default_retryable, skippable, created_at, updated_at)
select $1::integer, n.named_step_id, n.retry_limit, n.retryable, n.skippable, i.at, i.at
from unnest($2::integer[], $3::integer[], $4::boolean[], $5::boolean[]) with ordinality
  as n(named_step_id, retry_limit, retryable, skippable, place)
join public.tasker_named_steps own on own.named_step_id = n.named_step_id,
  (select pg_catalog.statement_timestamp() at time zone 'UTC') i(at)
where not exists (
  select from public.tasker_named_tasks_named_steps t join public.tasker_named_steps k on k.named_step_id = t.named_step_id
  where t.named_task_id = $1::integer and k.name = own.name)
order by n.named_step_id
on conflict do nothing
