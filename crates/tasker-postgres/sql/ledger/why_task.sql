-- What is known of the task $1 that has to do with whether it goes on. A deadline that was dealt with has left its table.
select n.name as namespace, k.name, k.version, coalesce(x.to_state, 'pending') as state,
  e.task_id is not null as ours, coalesce(e.reserved, false) as reserved, e.paused, coalesce(e.halted, false) as halted,
  (select l.at from tasker_engine.deadline l where l.task_id = t.task_id) as deadline,
  x.metadata as newest,
  exists (select from tasker_engine.worker w
    where not w.lost and w.seen_at + w.lease > clock_timestamp() and w.types && array[n.name || '/' || k.name, n.name || '/*', '*']) as adopted,
  tasker_engine.fitting_definition_1(t.task_id) is not null as fits,
  clock_timestamp() as now
from public.tasker_tasks t
join public.tasker_named_tasks k on k.named_task_id = t.named_task_id
join public.tasker_task_namespaces n on n.task_namespace_id = k.task_namespace_id
left join tasker_engine.task e on e.task_id = t.task_id
left join public.tasker_task_transitions x on x.task_id = t.task_id and x.most_recent
where t.task_id = $1
