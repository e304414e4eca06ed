-- Unfinished tasks of which we have no definition: another program made them.
select count(*) from public.tasker_tasks t
where not t.complete
  and not exists (select from tasker_engine.task e where e.task_id = t.task_id)
  and coalesce((select x.to_state from public.tasker_task_transitions x where x.task_id = t.task_id and x.most_recent), 'pending')
    in ('pending', 'in_progress')
