-- The content by which the task $1 can be done anew: the one it was made from, or, if another program made it, the newest
-- of its type where the task's steps and edges are those of it. No row: there is no such task.
select coalesce(e.definition_id, tasker_engine.fitting_definition_1(t.task_id)) as definition_id
from public.tasker_tasks t left join tasker_engine.task e on e.task_id = t.task_id
where t.task_id = $1
