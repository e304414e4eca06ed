select total_tasks, pending_tasks, in_progress_tasks, complete_tasks, error_tasks, cancelled_tasks, total_steps,
  pending_steps, in_progress_steps, complete_steps, error_steps, retryable_error_steps, exhausted_retry_steps,
  in_backoff_steps, active_connections, max_connections
from public.get_system_health_counts_v01()
