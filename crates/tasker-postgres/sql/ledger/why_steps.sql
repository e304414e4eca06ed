-- What is known of each step of the task $1 that has not ended well and that has to do with whether it goes on. How many
-- stand before it in its line is counted up to $2. While another program has a step in progress, its deadline is put off.
with step as materialized (
  select s.workflow_step_id as step_id, s.task_id, s.named_step_id, s.results->>'error' as error, coalesce(s.attempts, 0) as attempts,
    coalesce(s.retry_limit, 3) as retry_limit, coalesce(s.retryable, true) as retryable, coalesce(x.to_state, 'pending') as state,
    coalesce(x.to_state = 'error' and x.metadata->>'reason' = 'deadline' and x.metadata->>'operation' = 'deadline', false) as expired
  from public.tasker_workflow_steps s
  left join public.tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id and x.most_recent
  where s.task_id = $1 and coalesce(x.to_state, 'pending') not in ('complete', 'resolved_manually')
)
select s.step_id, ns.name, s.state, s.error, s.attempts, s.retry_limit, s.retryable, s.expired,
  case when d.deadline is not null and q.step_id is not null and not q.dead and q.call >= 0 then tasker_engine.step_deadline_1(s.step_id) end as deadline,
  q.step_id is not null as queued, coalesce(q.dead, false) as dead, q.owner,
  w.name as worker, w.seen_at + w.lease as lease_until,
  w.worker_id is not null and not w.lost and w.seen_at + w.lease > clock_timestamp() as worker_lives,
  (select l.wake_at from tasker_engine.later l where l.lane = q.lane and l.wake_at = q.rank and l.step_id = s.step_id limit 1) as wakes_at,
  q.rank <= clock_timestamp() as is_due,
  exists (select from tasker_engine.ready r where r.lane = q.lane and r.rank = q.rank and r.step_id = s.step_id) as in_line,
  (select count(*) from (select from tasker_engine.ready r where r.lane = q.lane and r.rank < q.rank limit $2) b) as before,
  l.queue, l.handler,
  exists (select from tasker_engine.worker v where not v.lost and v.seen_at + v.lease > clock_timestamp()
    and (v.queues is null or l.queue = any(v.queues))) as queue_served,
  exists (select from tasker_engine.worker v where not v.lost and v.seen_at + v.lease > clock_timestamp()
    and (v.queues is null or l.queue = any(v.queues)) and (v.handlers is null or l.handler = any(v.handlers))) as handler_served,
  exists (select from tasker_engine.worker v where not v.lost and v.seen_at + v.lease > clock_timestamp()
    and (v.queues is null or l.queue = any(v.queues)) and (v.handlers is null or l.handler = any(v.handlers))
    and (v.templates is null or tn.name || '/' || nt.name || ' ' || nt.version = any(v.templates))) as lane_served,
  (select jsonb_build_object('scope', p.scope, 'name', p.name, 'actor', p.actor, 'reason', p.reason) from tasker_engine.pause p
    where p.scope = 'queue' and p.name = l.queue or p.scope = 'type' and p.name = tn.name || '/' || nt.name limit 1) as paused,
  coalesce((select jsonb_agg(jsonb_build_object('step', pn.name, 'state', coalesce(px.to_state, 'pending')) order by p.workflow_step_id)
    from public.tasker_workflow_step_edges g
    join public.tasker_workflow_steps p on p.workflow_step_id = g.from_step_id
    join public.tasker_named_steps pn on pn.named_step_id = p.named_step_id
    left join public.tasker_workflow_step_transitions px on px.workflow_step_id = p.workflow_step_id and px.most_recent
    where g.to_step_id = s.step_id and coalesce(px.to_state, 'pending') not in ('complete', 'resolved_manually')), '[]') as parents
from step s
join public.tasker_named_steps ns on ns.named_step_id = s.named_step_id
join public.tasker_tasks t on t.task_id = s.task_id
join public.tasker_named_tasks nt on nt.named_task_id = t.named_task_id
join public.tasker_task_namespaces tn on tn.task_namespace_id = nt.task_namespace_id
left join tasker_engine.queue q on q.step_id = s.step_id
left join tasker_engine.worker w on w.worker_id = q.owner
left join tasker_engine.task e on e.task_id = s.task_id
left join tasker_engine.definition_step d on d.definition_id = e.definition_id and d.ix = q.ix
left join tasker_engine.lane l on l.lane_id = d.lane_id
order by s.step_id
