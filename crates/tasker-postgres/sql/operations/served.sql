-- The queues ($1 = queue) or task types ($1 = type) that there are: how many steps stand in line and wait for an instant,
-- how many live workers carry out any of them, and by whom each is paused.
with lane as materialized (
  select l.lane_id, l.queue, l.handler, n.name || '/' || t.name as type, n.name || '/' || t.name || ' ' || t.version as template,
    case $1 when 'queue' then l.queue else n.name || '/' || t.name end as name
  from tasker_engine.lane l
  join public.tasker_named_tasks t on t.named_task_id = l.named_task_id
  join public.tasker_task_namespaces n on n.task_namespace_id = t.task_namespace_id
), named as (
  select name from lane union select p.name from tasker_engine.pause p where p.scope = $1
), in_line as (
  select l.name, count(*) as steps from tasker_engine.ready r join lane l on l.lane_id = r.lane group by l.name
), later as (
  select l.name, count(*) as steps from tasker_engine.later r join lane l on l.lane_id = r.lane group by l.name
), living as (
  select l.name, count(distinct w.worker_id) as workers
  from lane l
  join tasker_engine.worker w on not w.lost and w.seen_at + w.lease > clock_timestamp()
    and (w.queues is null or l.queue = any(w.queues)) and (w.handlers is null or l.handler = any(w.handlers))
    and (w.templates is null or l.template = any(w.templates))
  group by l.name
)
select m.name, coalesce(i.steps, 0) as in_line, coalesce(w.steps, 0) as waiting, coalesce(v.workers, 0) as workers,
  p.actor, p.reason, p.paused_at
from named m
left join in_line i on i.name = m.name
left join later w on w.name = m.name
left join living v on v.name = m.name
left join tasker_engine.pause p on p.scope = $1 and p.name = m.name
order by m.name
