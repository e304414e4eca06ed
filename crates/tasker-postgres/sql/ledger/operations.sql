-- What people changed that no history tells: of the task $1, of the queue or type ($2: scope) $3, or of all where these are
-- null; the newest first, at most $4.
select o.operation_id, o.at, o.actor, o.reason, o.operation, o.scope, o.name, o.task_id, o.step_id, n.name as step, o.before, o.after
from tasker_engine.operation o
left join public.tasker_workflow_steps s on s.workflow_step_id = o.step_id
left join public.tasker_named_steps n on n.named_step_id = s.named_step_id
where ($1::bigint is null or o.task_id = $1) and ($2::text is null or o.scope = $2 and o.name = $3)
order by o.operation_id desc limit $4
