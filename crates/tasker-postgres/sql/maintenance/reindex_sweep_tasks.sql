-- Forgets counters of tasks that were deleted from the record. $1: how many at most.
with stray as materialized (
  select e.ctid as place from tasker_engine.task e
  where not exists (select from public.tasker_tasks t where t.task_id = e.task_id)
  limit $1 for update of e skip locked
)
delete from tasker_engine.task e using stray where e.ctid = stray.place
