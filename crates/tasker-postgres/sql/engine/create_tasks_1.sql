-- Creates tasks with their steps, edges, counters and queue rows from registered definitions: part of the exchange.
-- Roots go straight to the creating worker as far as it has room. A key that another task already has creates nothing
-- and is answered with that task (R-44). Roots of a task whose start lies in the future wait for it.
create function tasker_engine.create_tasks_1(
  p_definitions bigint[], p_contexts jsonb[], p_keys text[], p_details jsonb[], p_reserved boolean[], p_starts timestamptz[],
  p_deadlines timestamptz[], p_now timestamptz, p_worker integer, p_label text, p_call integer, p_want integer, p_lanes bigint[],
  out tasks bigint[], out places integer[], out existing bigint[], out existing_places integer[],
  out claimed bigint[], out lined boolean)
language plpgsql
set search_path = tasker_engine, public, pg_temp
set timezone = 'UTC' set enable_seqscan = off set enable_indexscan = on set enable_indexonlyscan = on set enable_hashjoin = on
set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_at timestamp := p_now at time zone 'UTC'; v_unclaimed bigint[];
begin
  with asked as materialized (
    select nextval('tasker_tasks_task_id_seq') as task_id, r.place, r.definition_id, r.context, r.key, r.reserved,
      case when r.start > p_now then r.start end as not_before, r.deadline, coalesce(r.details, '{}') as details, d.named_task_id, d.steps, d.roots, d.fail_fast,
      -- every step has a copy of the context, as in the original, unless that would multiply a large one (R-23)
      case when octet_length(r.context::text) <= 65536 then r.context else '{}' end as inputs
    from unnest(p_definitions, p_contexts, p_keys, p_details, p_reserved, p_starts, p_deadlines) with ordinality
      r(definition_id, context, key, details, reserved, start, deadline, place)
    join definition d on d.definition_id = r.definition_id
    order by r.place
  ), made as (
    insert into tasker_tasks (task_id, named_task_id, complete, requested_at, initiator, source_system, reason,
      bypass_steps, tags, context, identity_hash, created_at, updated_at)
    select task_id, named_task_id, false, v_at, coalesce(details->>'initiator', 'unknown'),
      coalesce(details->>'source_system', 'unknown'), coalesce(details->>'reason', 'unknown'),
      coalesce((details->>'bypass_steps')::json, '[]'), coalesce(details->'tags', '[]'), context, key, v_at, v_at
    from asked order by place
    on conflict (identity_hash) do nothing
    returning task_id
  ), fresh as materialized (
    select a.*, array(select nextval('tasker_workflow_steps_workflow_step_id_seq') from generate_series(1, a.steps)) as ids
    from asked a join made m on m.task_id = a.task_id
  ), planned as (
    select f.task_id, f.ids[s.ix + 1] as step_id, s.ix, s.named_step_id, s.parents, s.priority, s.attempts_allowed,
      s.retry_limit, s.retryable, s.skippable, f.inputs, f.not_before,
      -- a claim of a step that is passed over counts as attempt 0 (R-18)
      case when f.details ? 'bypass_places' then (f.details->'bypass_places' @> to_jsonb(s.ix))::int else 0 end as bypassed,
      case when f.reserved then -f.task_id else s.lane_id end as lane,
      s.parents = 0 and f.not_before is null and (f.reserved or s.lane_id = any(p_lanes)) as servable
    from fresh f join definition_step s on s.definition_id = f.definition_id
  ), placed as materialized (
    -- those who are first in line go to the creating worker, as far as it has room
    select *, servable and sum(servable::int) over (order by step_id) <= p_want as chosen from planned
  ), step_rows as (
    insert into tasker_workflow_steps (workflow_step_id, task_id, named_step_id, retryable, retry_limit, skippable,
      attempts, inputs, results, created_at, updated_at)
    select step_id, task_id, named_step_id, retryable, retry_limit, skippable, 0, inputs, '{}', v_at, v_at
    from placed order by step_id
  ), edge_rows as (
    insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
    select f.ids[e.from_ix + 1], f.ids[e.to_ix + 1], 'provides', v_at, v_at
    from fresh f join definition_edge e on e.definition_id = f.definition_id
    order by f.task_id, e.to_ix, e.place
  ), queued as (
    insert into queue (step_id, task_id, ix, lane, priority, unmet, rank, owner, call, token, attempts, attempts_allowed)
    select p.step_id, p.task_id, p.ix, p.lane, p.priority, p.parents,
      coalesce(case when p.parents = 0 then p.not_before end, p_now - p.priority * interval '1 minute'),
      case when p.chosen then p_worker end, p_call, p.chosen::int, p.chosen::int - p.bypassed, p.attempts_allowed
    from placed p
  ), counters as (
    insert into task (task_id, definition_id, remaining, alive, waiting, running, reserved, fail_fast, last_at, not_before, deadline)
    select f.task_id, f.definition_id, f.steps, f.roots, case when f.not_before is null then 0 else f.roots end,
      coalesce(q.running, false), f.reserved, f.fail_fast, p_now, f.not_before, f.deadline
    from fresh f
    left join (select task_id, bool_or(chosen) as running from placed group by task_id) q
      on q.task_id = f.task_id
    returning task_id, remaining, running
  ), begun as (
    insert into tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
    select 'in_progress', 'pending',
      jsonb_build_object('initialization_completed', true, 'step_dependencies_established', remaining, 'worker', p_label), 10, true, task_id, v_at, v_at
    from counters where running order by task_id
  )
  select (select array_agg(task_id order by place) from fresh), (select array_agg(place::int order by place) from fresh),
    array_agg(step_id order by step_id) filter (where chosen),
    array_agg(step_id order by step_id) filter (where not chosen and parents = 0 and not_before is null)
  into tasks, places, claimed, v_unclaimed
  from placed;
  lined := v_unclaimed is not null;

  -- Rare, and each part of the statement above is set up in every call.
  if lined then
    insert into ready (lane, rank, step_id) select lane, rank, step_id from queue where step_id = any(v_unclaimed) order by step_id;
  end if;
  if num_nonnulls(variadic p_starts) > 0 then
    insert into later (lane, wake_at, step_id)
    select q.lane, q.rank, q.step_id
    from task t join tasker_workflow_steps s on s.task_id = t.task_id join queue q on q.step_id = s.workflow_step_id
    where t.task_id = any(tasks) and t.not_before is not null and q.unmet = 0
    order by q.step_id;
  end if;
  if num_nonnulls(variadic p_deadlines) > 0 then
    insert into deadline (at, task_id) select deadline, task_id from task where task_id = any(tasks) and deadline is not null;
  end if;
  if exists (select from definition_step f where f.definition_id = any(p_definitions) and f.deadline is not null) then
    -- no step can run before its task begins
    insert into step_deadline (at, step_id)
    select coalesce(t.not_before, p_now) + f.deadline, q.step_id
    from task t join tasker_workflow_steps s on s.task_id = t.task_id join queue q on q.step_id = s.workflow_step_id
    join definition_step f on f.definition_id = t.definition_id and f.ix = q.ix and f.deadline is not null
    where t.task_id = any(tasks);
  end if;

  -- Keys that were taken: looked up by a statement of its own, which sees rows that were committed meanwhile.
  if coalesce(cardinality(places), 0) < cardinality(p_keys) then
    select array_agg(t.task_id order by k.place), array_agg(k.place::int order by k.place) into existing, existing_places
    from unnest(p_keys) with ordinality k(key, place) join tasker_tasks t on t.identity_hash = k.key
    where not k.place = any(coalesce(places, '{}'));
  end if;
end $$;
