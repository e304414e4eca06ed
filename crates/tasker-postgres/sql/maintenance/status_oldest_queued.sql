-- The unfinished task with the smallest id of those that have rows in the queue.
select t.task_id, n.name as namespace, k.name, k.version, coalesce(x.to_state, 'pending') as state, t.requested_at,
  greatest(extract(epoch from clock_timestamp() at time zone 'UTC' - t.requested_at), 0)::float8 as age_seconds
from public.tasker_tasks t
join public.tasker_named_tasks k on k.named_task_id = t.named_task_id
join public.tasker_task_namespaces n on n.task_namespace_id = k.task_namespace_id
left join public.tasker_task_transitions x on x.task_id = t.task_id and x.most_recent
where t.task_id = (select min(q.task_id) from tasker_engine.queue q)
