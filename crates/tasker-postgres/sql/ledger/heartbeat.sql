-- Worker $1 lives. Of the claims that it believes to hold (steps $2 under tokens $3), those that are not its own any more.
with beat as (
  update tasker_engine.worker set seen_at = clock_timestamp() where worker_id = $1 and not lost returning true
)
select exists (select from beat) as alive, coalesce(array_agg(c.step_id), '{}') as steps, coalesce(array_agg(c.token), '{}') as tokens
from unnest($2::bigint[], $3::integer[]) c(step_id, token)
where not exists (select from tasker_engine.queue q where q.step_id = c.step_id and q.owner = $1 and q.token = c.token)
