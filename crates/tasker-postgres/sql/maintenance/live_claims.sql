-- Claims of workers that live, by worker and task.
select w.name as worker, s.task_id, count(*) as steps
from tasker_engine.queue q
join tasker_engine.worker w on w.worker_id = q.owner
join public.tasker_workflow_steps s on s.workflow_step_id = q.step_id
where not w.lost and w.seen_at + w.lease > clock_timestamp()
group by w.worker_id, w.name, s.task_id
order by w.name, w.worker_id, s.task_id
