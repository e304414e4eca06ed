-- Every worker in the list, whether it lives, and how many steps it holds.
select w.worker_id, w.name, not w.lost and w.seen_at + w.lease > clock_timestamp() as alive,
  greatest(extract(epoch from clock_timestamp() - w.seen_at), 0)::float8 as seen_seconds_ago,
  coalesce(h.steps, 0) as claimed
from tasker_engine.worker w
left join (select owner, count(*) as steps from tasker_engine.queue where owner is not null group by owner) h
  on h.owner = w.worker_id
order by w.started_at, w.worker_id
