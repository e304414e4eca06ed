-- Of these steps' parents those whose results travel along where all would be too much: each step's smallest, up to so many
-- bytes a step; parents that are known to the caller are left out. It works by the settings of the exchange that calls it.
create function tasker_engine.smallest_parents_1(p_steps bigint[], p_known bigint[], p_bytes bigint) returns bigint[]
language sql stable
set search_path = tasker_engine, public, pg_temp
as $$
  select array(
    select distinct p.from_step_id from (
      select e.from_step_id, sum(octet_length(x.results::text)) over (partition by e.to_step_id order by octet_length(x.results::text), e.from_step_id) as so_far
      from tasker_workflow_step_edges e join tasker_workflow_steps x on x.workflow_step_id = any(array[e.from_step_id])
      where e.to_step_id = any(p_steps) and not e.from_step_id = any(p_known)) p
    where p.so_far <= p_bytes)
$$;
