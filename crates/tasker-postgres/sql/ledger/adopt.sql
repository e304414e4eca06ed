-- Makes the tasks $1, which others created, ours, as far as they fit the newest definition of their type: counters that
-- the rebuild sets right in the same transaction. Who adopts the same task at the same time waits and finds it done.
insert into tasker_engine.task (task_id, definition_id, remaining, alive, fail_fast, last_at)
select t.task_id, d.definition_id, d.steps, d.steps, d.fail_fast, t.created_at at time zone 'UTC'
from public.tasker_tasks t
cross join lateral (select tasker_engine.fitting_definition_1(t.task_id) as definition_id offset 0) f
join tasker_engine.definition d on d.definition_id = f.definition_id
where t.task_id = any($1) and not t.complete
  and coalesce((select x.to_state from public.tasker_task_transitions x where x.task_id = t.task_id and x.most_recent), 'pending')
    in ('pending', 'in_progress')
order by t.task_id
on conflict (task_id) do nothing
returning task_id
