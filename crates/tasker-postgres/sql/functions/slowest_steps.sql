-- The instant comes without a zone and is UTC, whatever the zone of the session.
select workflow_step_id, task_id, step_name, task_name, namespace_name, version,
  duration_seconds::text as duration_seconds, attempts, created_at, completed_at, retryable, step_status
from public.get_slowest_steps_v01($1::timestamp at time zone 'UTC', $2::integer, $3::text, $4::text, $5::text)
