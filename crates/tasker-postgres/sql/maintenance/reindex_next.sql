-- The next tasks after $1, at most $2, and which of them are to be rebuilt: all but those at rest whose counters know it.
select e.task_id,
  coalesce(x.to_state, 'pending') in ('pending', 'in_progress') or not e.ended or e.running as wanted
from (select task_id, ended, running from tasker_engine.task where task_id > $1 order by task_id limit $2) e
left join public.tasker_task_transitions x on x.task_id = e.task_id and x.most_recent
order by e.task_id
