-- The instant comes without a zone and is UTC, whatever the zone of the session.
select active_tasks_count, total_namespaces_count, unique_task_types_count,
  system_health_score::text as system_health_score, task_throughput, completion_count, error_count,
  completion_rate::text as completion_rate, error_rate::text as error_rate,
  avg_task_duration::text as avg_task_duration, avg_step_duration::text as avg_step_duration, step_throughput,
  analysis_period_start, calculated_at
from public.get_analytics_metrics_v01($1::timestamp at time zone 'UTC')
