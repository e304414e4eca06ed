-- A task that is taken out of its end is not complete any more.
update public.tasker_tasks set complete = false, updated_at = coalesce($2, clock_timestamp() at time zone 'UTC')
where task_id = any($1) and complete
