-- The lanes that worker $1 serves now: of its queues, handlers and templates, nothing that is paused.
select l.lane_id
from tasker_engine.worker w
join tasker_engine.lane l on (w.queues is null or l.queue = any(w.queues)) and (w.handlers is null or l.handler = any(w.handlers))
join public.tasker_named_tasks t on t.named_task_id = l.named_task_id
join public.tasker_task_namespaces n on n.task_namespace_id = t.task_namespace_id
where w.worker_id = $1 and (w.templates is null or n.name || '/' || t.name || ' ' || t.version = any(w.templates))
  and not exists (
  select from tasker_engine.pause p
  where p.scope = 'queue' and p.name = l.queue or p.scope = 'type' and p.name = n.name || '/' || t.name)
order by l.lane_id
