-- What stands about the step $1. While it is open, the instant after which it is dead, unless another program has it in progress.
select s.workflow_step_id as step_id, s.task_id, n.name, coalesce(x.to_state, 'pending') as state,
  coalesce(x.created_at, s.created_at) as since, coalesce(s.attempts, 0) as attempts, coalesce(s.retry_limit, 3) as retry_limit,
  s.retryable, s.last_attempted_at, l.queue, l.handler,
  extract(epoch from d.deadline)::float8 as deadline_seconds, u.until as deadline, coalesce(u.until <= clock_timestamp(), false) as deadline_passed,
  coalesce(s.results, '{}')::text as results,
  array(select pn.name::text from public.tasker_workflow_step_edges g
    join public.tasker_workflow_steps p on p.workflow_step_id = g.from_step_id
    join public.tasker_named_steps pn on pn.named_step_id = p.named_step_id
    where g.to_step_id = s.workflow_step_id order by p.workflow_step_id) as parents,
  array(select cn.name::text from public.tasker_workflow_step_edges g
    join public.tasker_workflow_steps c on c.workflow_step_id = g.to_step_id
    join public.tasker_named_steps cn on cn.named_step_id = c.named_step_id
    where g.from_step_id = s.workflow_step_id order by c.workflow_step_id) as children
from public.tasker_workflow_steps s
join public.tasker_named_steps n on n.named_step_id = s.named_step_id
left join public.tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id and x.most_recent
left join tasker_engine.queue q on q.step_id = s.workflow_step_id
left join tasker_engine.task e on e.task_id = s.task_id
left join tasker_engine.definition_step d on d.definition_id = e.definition_id and d.named_step_id = s.named_step_id
left join tasker_engine.lane l on l.lane_id = d.lane_id
left join lateral (select tasker_engine.step_deadline_1(s.workflow_step_id) as until
  where d.deadline is not null and not q.dead and q.call >= 0) u on true
where s.workflow_step_id = $1
