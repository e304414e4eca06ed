-- Takes out what stands in queue and line for steps of the tasks $1 that are gone from the record, or are another task's
-- there, and the counters of the tasks that are gone themselves. It waits for nobody: what somebody holds stays, and so do
-- the counters of that task. The queue is read from end to end, as nothing else tells which rows were a deleted task's.
--
-- Rows: the tasks of which nothing stands any more for what is gone.
with stray as materialized (
  select q.step_id, q.task_id, q.lane, q.rank from tasker_engine.queue q
  where q.task_id = any($1)
    and not exists (select from public.tasker_workflow_steps s where s.workflow_step_id = q.step_id and s.task_id = q.task_id)
), locked as materialized (
  select q.step_id from tasker_engine.queue q where q.step_id = any(array(select step_id from stray)) for update skip locked
), in_line as materialized (
  select r.ctid as place from stray join locked on locked.step_id = stray.step_id
  join tasker_engine.ready r on r.lane = stray.lane and r.rank = stray.rank and r.step_id = stray.step_id
  for update of r skip locked
), waiting as materialized (
  select l.ctid as place from stray join locked on locked.step_id = stray.step_id
  join tasker_engine.later l on l.lane = stray.lane and l.wake_at = stray.rank and l.step_id = stray.step_id
  for update of l skip locked
), out_of_line as (
  -- a place that somebody takes at this moment leaves with it
  delete from tasker_engine.ready r using in_line where r.ctid = in_line.place
), out_of_wait as (
  delete from tasker_engine.later l using waiting where l.ctid = waiting.place
), out_of_queue as (
  delete from tasker_engine.queue q using locked where q.step_id = locked.step_id
), limits as (
  delete from tasker_engine.step_deadline d using locked where d.step_id = locked.step_id
), held as materialized (
  select distinct s.task_id from stray s where not exists (select from locked l where l.step_id = s.step_id)
), deleted as materialized (
  select e.task_id from tasker_engine.task e
  where e.task_id = any($1) and not exists (select from public.tasker_tasks t where t.task_id = e.task_id)
    and not exists (select from held h where h.task_id = e.task_id)
  for update of e skip locked
), counters as (
  delete from tasker_engine.task e using deleted where e.task_id = deleted.task_id
), deadlines as (
  delete from tasker_engine.deadline d using deleted where d.task_id = deleted.task_id
)
select a.task_id
from unnest($1::bigint[]) a(task_id)
where not exists (select from held h where h.task_id = a.task_id)
  and (exists (select from deleted d where d.task_id = a.task_id)
    or not exists (select from tasker_engine.task e where e.task_id = a.task_id)
    or exists (select from public.tasker_tasks t where t.task_id = a.task_id))
order by a.task_id
