-- Takes all that the side tables know of the task $1 out of them: queue, line and counters, in the order in which an
-- exchange takes its locks. An outcome that a worker still brings finds no claim and changes nothing (R-30).
with queued as (
  delete from tasker_engine.queue q
  using public.tasker_workflow_steps s
  where s.task_id = $1::bigint and q.step_id = s.workflow_step_id
  returning q.step_id, q.lane, q.rank
), line as (
  delete from tasker_engine.ready r using queued q where r.lane = q.lane and r.rank = q.rank and r.step_id = q.step_id
), waiting as (
  delete from tasker_engine.later l using queued q where l.lane = q.lane and l.wake_at = q.rank and l.step_id = q.step_id
)
delete from tasker_engine.task where task_id = $1::bigint
