-- Which of the tasks $1 began, or went on, at the instant $2. A task that was ahead of the clock has a later one in its history;
-- when that was written is known until the next row follows.
select x.task_id
from public.tasker_task_transitions x
where x.task_id = any($1) and x.to_state = 'in_progress'
  and (x.created_at = $2 or x.created_at > $2 and x.updated_at = $2 and x.most_recent)
