-- Refuses a call because somebody else has changed what these steps, or tasks, stand in the side tables for. What refused
-- it is undone; the caller has the tasks of the detail rebuilt from the record and calls again.
create function tasker_engine.changed_tasks_1(p_tasks bigint[]) returns text
language plpgsql
set search_path = tasker_engine, public, pg_temp
as $$
begin
  raise exception 'somebody else has changed % underneath',
    array_to_string(array(select 'task ' || t from unnest(p_tasks) t order by t limit 5), ', ')
      || case when cardinality(p_tasks) > 5 then ' and ' || cardinality(p_tasks) - 5 || ' more' else '' end
    using errcode = 'TSK01', detail = array_to_string(p_tasks, ',');
end $$;

create function tasker_engine.changed_1(p_steps bigint[]) returns text
language sql
set search_path = tasker_engine, public, pg_temp
as $$
  select tasker_engine.changed_tasks_1(array(
    select s.task_id from public.tasker_workflow_steps s where s.workflow_step_id = any(p_steps)
    union
    -- of a step that is gone from the record, the queue knows it
    select q.task_id from tasker_engine.queue q where q.step_id = any(p_steps)))
$$;
