-- The instant comes without a zone and is UTC, whatever the zone of the session.
select task_id, task_name, namespace_name, version, duration_seconds::text as duration_seconds, step_count,
  completed_steps, error_steps, created_at, completed_at, initiator, source_system
from public.get_slowest_tasks_v01($1::timestamp at time zone 'UTC', $2::integer, $3::text, $4::text, $5::text)
