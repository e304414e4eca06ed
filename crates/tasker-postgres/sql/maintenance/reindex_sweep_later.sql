-- As the sweep of the line, for steps that wait for an instant. $1: how many at most.
with stray as materialized (
  select l.ctid as place from tasker_engine.later l
  where not exists (
    select from tasker_engine.queue q
    where q.step_id = l.step_id and q.lane = l.lane and q.rank = l.wake_at and q.owner is null and q.unmet = 0 and not q.dead)
  limit $1 for update of l skip locked
)
delete from tasker_engine.later l using stray where l.ctid = stray.place
