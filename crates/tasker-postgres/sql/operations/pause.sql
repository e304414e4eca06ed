-- Pauses the queue or task type ($1: scope) $2 for $3 because of $4. False when it was paused already.
with paused as (
  insert into tasker_engine.pause (scope, name, actor, reason, paused_at) values ($1, $2, $3, $4, clock_timestamp())
  on conflict (scope, name) do nothing returning name
), logged as (
  insert into tasker_engine.operation (at, actor, reason, operation, scope, name, before, after)
  select clock_timestamp(), $3, $4, 'pause', $1, name, 'false', 'true' from paused
), told as (
  update tasker_engine.worker set stale = true where exists (select from paused) and not stale and not lost
)
select exists (select from paused) as changed
