-- What a rewind of the task $1 has to know of it, and the task that was made under the identity $2 before.
select coalesce(x.to_state, 'pending') as state, e.task_id is not null as ours,
  coalesce(e.definition_id, tasker_engine.fitting_definition_1(t.task_id)) as definition_id, t.bypass_steps::text as bypass_steps,
  (select m.task_id from public.tasker_tasks m where m.identity_hash = $2) as made_before
from public.tasker_tasks t
left join tasker_engine.task e on e.task_id = t.task_id
left join public.tasker_task_transitions x on x.task_id = t.task_id and x.most_recent
where t.task_id = $1
