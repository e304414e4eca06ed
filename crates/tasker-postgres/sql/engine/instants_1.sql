-- The instant for a row of a task whose newest row is ahead of the clock, which was set back or was another machine's: that of
-- the newest row, and never the one of another task of the same call. `p_at`: the instant of the call (R-24).
create function tasker_engine.task_instant_1(p_task bigint, p_at timestamp) returns timestamp
language sql stable
set search_path = tasker_engine, public, pg_temp
as $$
  select greatest(p_at, (select t.last_at at time zone 'UTC' from task t where t.task_id = p_task))
$$;

-- The same for a row of one of its steps.
create function tasker_engine.step_instant_1(p_step bigint, p_at timestamp) returns timestamp
language sql stable
set search_path = tasker_engine, public, pg_temp
as $$
  select task_instant_1((select s.task_id from tasker_workflow_steps s where s.workflow_step_id = p_step), p_at)
$$;
