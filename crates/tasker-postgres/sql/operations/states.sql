-- The tasks $1 with their states.
select t.task_id, coalesce(x.to_state, 'pending') as state, e.task_id is not null as ours, e.paused is not null as paused,
  coalesce(e.priority, 0) as priority
from public.tasker_tasks t
left join tasker_engine.task e on e.task_id = t.task_id
left join public.tasker_task_transitions x on x.task_id = t.task_id and x.most_recent
where t.task_id = any($1)
order by t.task_id
