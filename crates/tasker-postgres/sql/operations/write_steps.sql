-- What an operation leaves in the rows of the steps $1: $2 whether the step is done, $3 the results that it gets or null,
-- $4 whether an attempt was cut short, $5 how many attempts are allowed from now on or null, $6 the instant or now,
-- $7 keys that describe an error after which the step is not tried again, merged into its results, or null.
update public.tasker_workflow_steps s set
  processed = case when a.done then true else s.processed end,
  processed_at = case when a.done then i.at else s.processed_at end,
  in_process = false,
  results = case when a.error is not null then case when jsonb_typeof(s.results) = 'object' then s.results else '{}' end || a.error
    else coalesce(a.results, s.results) end,
  attempts = case when a.cut_short then greatest(coalesce(s.attempts, 0), q.attempts) else s.attempts end,
  last_attempted_at = case when a.cut_short then i.at else s.last_attempted_at end,
  retryable = (s.retryable or a.allowed is not null) and a.error is null,
  retry_limit = coalesce(a.allowed, s.retry_limit),
  backoff_request_seconds = case when a.done or a.allowed is not null or a.error is not null then null else s.backoff_request_seconds end,
  updated_at = i.at
from unnest($1::bigint[], $2::boolean[], $3::text[]::jsonb[], $4::boolean[], $5::integer[], $7::text[]::jsonb[]) a(step_id, done, results, cut_short, allowed, error)
left join tasker_engine.queue q on q.step_id = a.step_id
cross join lateral (select coalesce($6, clock_timestamp() at time zone 'UTC') as at) i
where s.workflow_step_id = a.step_id
