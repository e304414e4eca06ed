-- Which of the tasks $1 began, or went on, at the instant $2.
select x.task_id
from public.tasker_task_transitions x
where x.task_id = any($1) and x.to_state = 'in_progress' and x.created_at = $2
