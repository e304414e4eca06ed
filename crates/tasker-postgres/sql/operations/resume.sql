-- Lets the queue or task type ($1: scope) $2 go on. False when it was not paused.
with resumed as (
  delete from tasker_engine.pause where scope = $1 and name = $2 returning name
), told as (
  update tasker_engine.worker set stale = true where exists (select from resumed) and not stale and not lost
)
select exists (select from resumed) as changed, pg_notify('tasker_engine', '')::text as told
