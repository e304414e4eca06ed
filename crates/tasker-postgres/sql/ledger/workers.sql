-- Every worker in the list: whether it lives, what it serves, and what it holds; at most $1 steps of each are named.
with claimed as materialized (
  select q.owner, q.task_id, q.step_id, row_number() over (partition by q.owner order by q.step_id) as place
  from tasker_engine.queue q where q.owner is not null
)
select w.worker_id, w.name, not w.lost and w.seen_at + w.lease > clock_timestamp() as alive, w.started_at,
  greatest(extract(epoch from clock_timestamp() - w.seen_at), 0)::float8 as seen_seconds_ago,
  w.concurrency, w.task_id, w.queues, w.handlers, w.types, w.templates,
  (select count(*) from claimed c where c.owner = w.worker_id) as holds,
  coalesce((select jsonb_agg(jsonb_build_object('task_id', c.task_id, 'step_id', c.step_id, 'step', n.name) order by c.step_id)
    from claimed c
    join public.tasker_workflow_steps s on s.workflow_step_id = c.step_id
    join public.tasker_named_steps n on n.named_step_id = s.named_step_id
    where c.owner = w.worker_id and c.place <= $1), '[]') as held
from tasker_engine.worker w
order by w.started_at, w.worker_id
