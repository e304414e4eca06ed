-- Tasks whose deadline has passed, at most $1. Rows of tasks that have ended, or were deleted, are taken out on the way.
with due as materialized (
  select d.task_id from tasker_engine.deadline d where d.at <= coalesce($2, clock_timestamp()) order by d.at limit $1
), open as materialized (
  select due.task_id from due
  join tasker_engine.task e on e.task_id = due.task_id and not e.ended
  join public.tasker_tasks t on t.task_id = due.task_id
), gone as (
  delete from tasker_engine.deadline d using due
  where d.task_id = due.task_id and not exists (select from open where open.task_id = due.task_id)
)
select task_id from open order by task_id
