select q.owner as worker_id, w.name, count(*) as steps, w.seen_at,
  case when w.worker_id is null or w.lost then 0
    else greatest(extract(epoch from w.seen_at + w.lease - clock_timestamp()), 0) end::float8 as lease_left
from tasker_workflow_steps s
join tasker_engine.queue q on q.step_id = s.workflow_step_id
left join tasker_engine.worker w on w.worker_id = q.owner
where s.task_id = $1 and q.owner is not null
group by q.owner, w.worker_id
order by q.owner
