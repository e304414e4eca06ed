-- Steps that have not ended well, by what they wait for.
select (select count(*) from tasker_engine.ready) as ready, (select count(*) from tasker_engine.later) as waiting,
  count(*) filter (where q.owner is not null) as claimed,
  count(*) filter (where q.owner is null and q.unmet > 0) as blocked,
  count(*) filter (where q.dead) as dead
from tasker_engine.queue q
