select task_id, named_task_id, status, total_steps, pending_steps, in_progress_steps, completed_steps, failed_steps,
  ready_steps, execution_status, recommended_action, completion_percentage::text as completion_percentage, health_status
from public.get_task_execution_context($1::bigint)
