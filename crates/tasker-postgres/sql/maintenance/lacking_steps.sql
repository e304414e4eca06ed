-- Which of the tasks $1 have fewer steps in the record than their definition has, or are among the tasks $2, of which more is
-- suspected (a step that was deleted and made anew is not missed by its number), and whether the task itself is gone.
select a.task_id, t.task_id is null as deleted
from unnest($1::bigint[]) a(task_id)
left join public.tasker_tasks t on t.task_id = a.task_id
left join tasker_engine.task e on e.task_id = a.task_id
left join tasker_engine.definition d on d.definition_id = e.definition_id
where t.task_id is null or a.task_id = any($2) or (select count(*) from public.tasker_workflow_steps s where s.task_id = a.task_id) < d.steps
order by a.task_id
