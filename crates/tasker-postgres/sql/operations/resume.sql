-- Lets the queue or task type ($1: scope) $2 go on, by $3 because of $4. False when it was not paused.
with resumed as (
  delete from tasker_engine.pause where scope = $1 and name = $2 returning name
), logged as (
  insert into tasker_engine.operation (at, actor, reason, operation, scope, name, before, after)
  select clock_timestamp(), $3, $4, 'resume', $1, name, 'true', 'false' from resumed
), told as (
  update tasker_engine.worker set stale = true where exists (select from resumed) and not stale and not lost
)
select exists (select from resumed) as changed, pg_notify('tasker_engine', '')::text as told
