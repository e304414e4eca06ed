-- Takes out of the line what no unclaimed, runnable step stands for in just that place. The line and the queue change in
-- one transaction, so no row of a living step is ever seen without its fellow. $1: how many at most.
with stray as materialized (
  select r.ctid as place from tasker_engine.ready r
  where not exists (
    select from tasker_engine.queue q
    where q.step_id = r.step_id and q.lane = r.lane and q.rank = r.rank and q.owner is null and q.unmet = 0 and not q.dead)
  limit $1 for update of r skip locked
)
delete from tasker_engine.ready r using stray where r.ctid = stray.place
