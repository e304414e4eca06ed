-- Registers one content of a (namespace, name, version) with all the rows of the record that its tasks point to. The
-- same content again is answered with what stands there; another content under a version that a task has used is
-- refused unless the caller allows it (R-41).
--
-- The step arrays have one element per step in the order of the template, deadlines in seconds or null; the edge arrays one per dependency, ordered
-- by child, places counted from 0.
--
--   outcome     same, new, redefined (another content stood there), refused (nothing was written)
--   previous    the snapshot that stood there before, where the outcome is redefined or refused
create function tasker_engine.register_definition_1(
  p_namespace text, p_name text, p_version text, p_description text, p_fail_fast boolean,
  p_snapshot text, p_hash text, p_allow_redefine boolean,
  p_names text[], p_descriptions text[], p_systems text[], p_queues text[], p_handlers text[], p_priorities integer[],
  p_attempts_allowed integer[], p_retry_limits integer[], p_retryables boolean[], p_skippables boolean[], p_deadlines float8[],
  p_edge_children integer[], p_edge_parents integer[],
  out definition_id bigint, out named_task_id integer, out named_step_ids integer[], out lane_ids bigint[],
  out outcome text, out previous text)
language plpgsql
set search_path = tasker_engine, public, pg_temp
set timezone = 'UTC' set jit = off
as $$
#variable_conflict use_column
declare
  v_at timestamp := clock_timestamp() at time zone 'UTC';
  v_namespace integer; v_task integer; v_definition bigint; v_previous text;
begin
  -- One registration of a name at a time: who comes second finds everything made. Names are looked up before they are
  -- inserted, because every refused insert would use up a number of a four-byte sequence.
  perform pg_advisory_xact_lock(hashtextextended('tasker_engine.register ' || p_namespace || ' ' || p_name, 0));

  insert into tasker_task_namespaces (name, created_at, updated_at)
  select p_namespace, v_at, v_at where not exists (select from tasker_task_namespaces where name = p_namespace)
  on conflict (name) do nothing;
  select task_namespace_id into strict v_namespace from tasker_task_namespaces where name = p_namespace;

  select t.named_task_id into v_task from tasker_named_tasks t
  where t.task_namespace_id = v_namespace and t.name = p_name and t.version = p_version;
  if found then
    select d.definition_id into v_definition from definition d where d.named_task_id = v_task and d.content_hash = p_hash;
    if not found then
      select d.snapshot into v_previous from definition d where d.named_task_id = v_task order by d.definition_id desc limit 1;
      if v_previous is not null and not p_allow_redefine and exists (select from tasker_tasks t where t.named_task_id = v_task) then
        named_task_id := v_task; outcome := 'refused'; previous := v_previous;
        return;
      end if;
    end if;
  else
    insert into tasker_named_tasks (name, description, task_namespace_id, version, configuration, created_at, updated_at)
    values (p_name, p_description, v_namespace, p_version, '{}', v_at, v_at)
    on conflict (task_namespace_id, name, version) do nothing;
    select t.named_task_id into strict v_task from tasker_named_tasks t
    where t.task_namespace_id = v_namespace and t.name = p_name and t.version = p_version;
  end if;
  named_task_id := v_task;

  if v_definition is null then
    insert into tasker_dependent_systems (name, created_at, updated_at)
    select distinct name, v_at, v_at from unnest(p_systems) s(name)
    where not exists (select from tasker_dependent_systems d where d.name = s.name)
    order by name on conflict (name) do nothing;

    insert into tasker_named_steps (dependent_system_id, name, description, created_at, updated_at)
    select d.dependent_system_id, s.name, s.description, v_at, v_at
    from unnest(p_names, p_descriptions, p_systems) s(name, description, system)
    join tasker_dependent_systems d on d.name = s.system
    where not exists (select from tasker_named_steps n where n.dependent_system_id = d.dependent_system_id and n.name = s.name)
    order by s.name on conflict (dependent_system_id, name) do nothing;

    insert into lane (named_task_id, queue, handler)
    select distinct v_task, queue, handler from unnest(p_queues, p_handlers) s(queue, handler)
    where not exists (select from lane l where l.named_task_id = v_task and l.queue = s.queue and l.handler = s.handler)
    order by queue, handler on conflict (named_task_id, queue, handler) do nothing;
    if found then
      -- Workers that live learn of it with their next call.
      update worker set stale = true where not stale and not lost;
    end if;

    insert into definition (named_task_id, content_hash, snapshot, steps, roots, fail_fast)
    values (v_task, p_hash, p_snapshot, cardinality(p_names),
      cardinality(p_names) - (select count(distinct child) from unnest(p_edge_children) child), p_fail_fast)
    returning definition.definition_id into v_definition;

    insert into definition_step (definition_id, ix, named_step_id, lane_id, parents, priority, attempts_allowed, retry_limit, retryable, skippable, deadline)
    select v_definition, s.place - 1, n.named_step_id, l.lane_id, coalesce(e.parents, 0), s.priority, s.attempts_allowed,
      s.retry_limit, s.retryable, s.skippable, make_interval(secs => s.deadline)
    from unnest(p_names, p_systems, p_queues, p_handlers, p_priorities, p_attempts_allowed, p_retry_limits, p_retryables, p_skippables, p_deadlines)
      with ordinality s(name, system, queue, handler, priority, attempts_allowed, retry_limit, retryable, skippable, deadline, place)
    join tasker_dependent_systems d on d.name = s.system
    join tasker_named_steps n on n.dependent_system_id = d.dependent_system_id and n.name = s.name
    join lane l on l.named_task_id = v_task and l.queue = s.queue and l.handler = s.handler
    left join (select child, count(*)::int as parents from unnest(p_edge_children) child group by child) e on e.child = s.place - 1;

    insert into definition_edge (definition_id, to_ix, place, from_ix)
    select v_definition, e.child, e.place, e.parent
    from unnest(p_edge_children, p_edge_parents) with ordinality e(child, parent, place);

    insert into tasker_named_tasks_named_steps (named_task_id, named_step_id, skippable, default_retryable, default_retry_limit, created_at, updated_at)
    select v_task, s.named_step_id, s.skippable, s.retryable, s.retry_limit, v_at, v_at
    from definition_step s
    where s.definition_id = v_definition
      and not exists (select from tasker_named_tasks_named_steps x where x.named_task_id = v_task and x.named_step_id = s.named_step_id)
    order by s.ix on conflict (named_task_id, named_step_id) do nothing;

    outcome := case when v_previous is null then 'new' else 'redefined' end;
    previous := v_previous;
  else
    outcome := 'same';
  end if;

  definition_id := v_definition;
  select array_agg(s.named_step_id order by s.ix), array_agg(s.lane_id order by s.ix) into named_step_ids, lane_ids
  from definition_step s where s.definition_id = v_definition;
end $$;
