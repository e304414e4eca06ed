-- Of the tasks $1, those of whose queue rows nobody holds any.
with present as materialized (
  select q.step_id, s.task_id from public.tasker_workflow_steps s join tasker_engine.queue q on q.step_id = s.workflow_step_id
  where s.task_id = any($1)
), locked as materialized (
  select q.step_id from tasker_engine.queue q where q.step_id = any(array(select step_id from present)) for update skip locked
)
select a.task_id from unnest($1) a(task_id)
where not exists (
  select from present p where p.task_id = a.task_id and not exists (select from locked l where l.step_id = p.step_id))
order by a.task_id
