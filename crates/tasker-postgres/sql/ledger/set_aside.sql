-- Takes the tasks $1, whose steps are not those of their definition any more, out of queue and line: nothing of them is
-- claimed, and an outcome that a worker still brings finds no claim (R-30). The caller holds the locks of their side rows.
with queued as (
  delete from tasker_engine.queue q using public.tasker_workflow_steps s
  where s.task_id = any($1) and q.step_id = s.workflow_step_id
  returning q.step_id, q.lane, q.rank
), line as (
  delete from tasker_engine.ready r using queued q where r.lane = q.lane and r.rank = q.rank and r.step_id = q.step_id
), waiting as (
  delete from tasker_engine.later l using queued q where l.lane = q.lane and l.wake_at = q.rank and l.step_id = q.step_id
)
update tasker_engine.task set alive = 0, waiting = 0 where task_id = any($1)
