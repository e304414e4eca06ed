-- Loops inside the server, for a look at the processor time of the exchange without a program, a socket or a disk in it.
--
--   tasker db create --database-url URL; tasker db lean --database-url URL
--   tasker bench --database-url URL --tasks 100 --rounds 1                 (registers the diamond)
--   tasker bench --database-url URL --shape linear --size 1000 --tasks 1 --rounds 1      (registers the chain)
--   export PGOPTIONS='-c synchronous_commit=off'
--   psql URL -f docs/measuring/loops.sql
--   psql URL -c 'call measuring.exchange(500, 16)' -c 'call measuring.record(100, 16)'
--   psql URL -c 'call measuring.chain(500, false)' -c 'call measuring.chain(500, true)'
--
-- All print the microseconds a step. Drop schema measuring when done; what the loops wrote stays, so use a database for it.
--
-- Time depends on the neighbours, the number of instructions does not. It is what valgrind counts of a server in one process
-- (a stopped server's data, as its user); the difference of a long and a short loop leaves out what is done once:
--
--   echo "call measuring.exchange(60, 16);" | valgrind --tool=callgrind postgres --single -c synchronous_commit=off -j -D DATA DATABASE
drop schema if exists measuring cascade;
create schema measuring;

-- Calls of the exchange, one after the other in one session, with this many diamonds at a time.
create procedure measuring.exchange(p_calls integer, p_tasks integer)
language plpgsql as $$
declare
  v_worker integer; v_definition bigint; v_lanes bigint[]; v_begun timestamptz;
  v_steps bigint[] := '{}'; v_tokens integer[] := '{}'; v_live integer := 0; v_new integer; v_ended integer; v_done bigint := 0; v_n integer;
begin
  insert into tasker_engine.worker (name, lease) values ('measuring', '1 hour') returning worker_id into v_worker;
  select min(definition_id) into v_definition from tasker_engine.definition d where d.steps = 4;
  select array_agg(lane_id) into v_lanes from tasker_engine.lane;
  commit;
  for v_call in 1 .. p_calls + 20 loop
    if v_call = 21 then
      v_begun := clock_timestamp(); v_done := 0;
    end if;
    v_new := p_tasks - v_live;
    v_n := cardinality(v_steps);
    v_done := v_done + v_n;
    select coalesce(array_agg(a) filter (where kind = 's'), '{}'), coalesce(array_agg(n) filter (where kind = 's'), '{}'), count(*) filter (where kind in ('c', 'f'))
    into v_steps, v_tokens, v_ended
    from tasker_engine.exchange_1(v_worker, 'measuring', v_call, false, false, v_steps, v_tokens, array_fill('s'::"char", array[v_n]),
      array_fill(jsonb_build_object('ok', repeat('0', 90)), array[v_n]), array_fill(0::float8, array[v_n]), array_fill(null::integer, array[v_n]),
      array_fill(null::text, array[v_n]), 1000, 1000, v_lanes, false, null, false, false,
      array_fill(v_definition, array[v_new]), array_fill('{"order": 12345678901234567890}'::jsonb, array[v_new]),
      array(select gen_random_uuid()::text from generate_series(1, v_new)), array_fill('{}'::jsonb, array[v_new]), array_fill(false, array[v_new]),
      array_fill(null::timestamptz, array[v_new]), array_fill(null::timestamptz, array[v_new]), null);
    commit;
    v_live := v_live + v_new - v_ended;
  end loop;
  raise notice '% steps, % µs a step', v_done, round(extract(epoch from clock_timestamp() - v_begun) * 1e6 / v_done, 1);
end $$;

-- Nothing but the rows of the original's tables that the same diamonds leave, in the fewest statements and as many commits.
create procedure measuring.record(p_rounds integer, p_tasks integer)
language plpgsql
as $$
declare
  v_named_task integer; v_named integer[]; v_begun timestamptz; v_at timestamp; v_tasks bigint[]; v_all bigint[]; v_done bigint[]; v_started bigint[];
  a bigint[]; b bigint[]; c bigint[]; d bigint[];
begin
  perform set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
    set_config('jit', 'off', false), set_config('plan_cache_mode', 'force_generic_plan', false);
  select f.named_task_id, array_agg(s.named_step_id order by s.ix) into v_named_task, v_named
  from tasker_engine.definition f join tasker_engine.definition_step s using (definition_id)
  where f.steps = 4 group by f.definition_id order by f.definition_id limit 1;
  commit;
  for v_round in 1 .. p_rounds + 5 loop
    if v_round = 6 then
      v_begun := clock_timestamp();
    end if;
    v_at := clock_timestamp() at time zone 'UTC';
    v_tasks := array(select nextval('tasker_tasks_task_id_seq') from generate_series(1, p_tasks));
    v_all := array(select nextval('tasker_workflow_steps_workflow_step_id_seq') from generate_series(1, 4 * p_tasks));
    a := v_all[1:p_tasks]; b := v_all[p_tasks + 1:2 * p_tasks]; c := v_all[2 * p_tasks + 1:3 * p_tasks]; d := v_all[3 * p_tasks + 1:];
    with tasks as (
      insert into tasker_tasks (task_id, named_task_id, complete, requested_at, initiator, source_system, reason, bypass_steps, tags, context,
        identity_hash, created_at, updated_at)
      select t, v_named_task, false, v_at, 'unknown', 'unknown', 'unknown', '[]', '[]', '{"order": 12345678901234567890}',
        gen_random_uuid()::text, v_at, v_at from unnest(v_tasks) t
    ), steps as (
      insert into tasker_workflow_steps (workflow_step_id, task_id, named_step_id, retryable, retry_limit, skippable, attempts, inputs, results,
        created_at, updated_at)
      select s, t, n, true, 3, false, 0, '{"order": 12345678901234567890}', '{}', v_at, v_at
      from unnest(v_all, v_tasks || v_tasks || v_tasks || v_tasks, array_fill(v_named[1], array[p_tasks]) || array_fill(v_named[2], array[p_tasks])
        || array_fill(v_named[3], array[p_tasks]) || array_fill(v_named[4], array[p_tasks])) x(s, t, n)
    ), edges as (
      insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
      select f, t, 'provides', v_at, v_at from unnest(a || a || b || c, b || c || d || d) x(f, t)
    )
    insert into tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
    select 'in_progress', 'pending', '{"worker": "measuring"}', 10, true, t, v_at, v_at from unnest(v_tasks) t;
    for v_stage in 0 .. 3 loop
      v_done := case v_stage when 0 then '{}' when 1 then a when 2 then b || c else d end;
      v_started := case v_stage when 0 then a when 1 then b || c when 2 then d else '{}' end;
      with flipped as (
        update tasker_workflow_step_transitions t set most_recent = false, updated_at = v_at
        from unnest(v_done) x(step) where t.workflow_step_id = any(array[x.step]) and t.most_recent = (x.step is not null)
        returning t.workflow_step_id, t.sort_key, t.to_state
      ), rows as (
        update tasker_workflow_steps s set processed = true, in_process = false, processed_at = v_at, attempts = 1, last_attempted_at = v_at, updated_at = v_at,
          results = jsonb_build_object('ok', repeat('0', 90))
        from unnest(v_done) x(step) where s.workflow_step_id = any(array[x.step])
      )
      insert into tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
      select 'complete', to_state, '{"worker": "measuring", "attempt": 1}'::jsonb, sort_key + 10, true, workflow_step_id, v_at, v_at from flipped
      union all
      select 'in_progress', 'pending', '{"worker": "measuring", "attempt": 1}', 10, true, s, v_at, v_at from unnest(v_started) s;
      if v_stage < 3 then
        commit;
      end if;
    end loop;
    with flipped as (
      update tasker_task_transitions t set most_recent = false, updated_at = v_at
      from unnest(v_tasks) x(task) where t.task_id = any(array[x.task]) and t.most_recent = (x.task is not null)
      returning t.task_id, t.sort_key
    ), rows as (
      update tasker_tasks t set complete = true, updated_at = v_at where t.task_id = any(v_tasks)
    )
    insert into tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
    select 'complete', 'in_progress', '{"worker": "measuring"}', sort_key + 10, true, task_id, v_at, v_at from flipped;
    commit;
  end loop;
  raise notice '% steps, % µs a step', 4 * p_rounds * p_tasks, round(extract(epoch from clock_timestamp() - v_begun) * 1e6 / (4 * p_rounds * p_tasks), 1);
end $$;

-- A task of 1,000 steps in a row, one success a call: by the general function, or by the one for such calls.
create procedure measuring.chain(p_calls integer, p_single boolean)
language plpgsql as $$
declare
  v_worker integer; v_definition bigint; v_lanes bigint[]; v_begun timestamptz; v_step bigint; v_token integer;
  v_results jsonb := jsonb_build_object('ok', repeat('0', 90));
begin
  insert into tasker_engine.worker (name, lease) values ('measuring', '1 hour') returning worker_id into v_worker;
  select min(definition_id) into v_definition from tasker_engine.definition d where d.steps = 1000 and d.roots = 1;
  select array_agg(lane_id) into v_lanes from tasker_engine.lane;
  select a, n into v_step, v_token
  from tasker_engine.exchange_1(v_worker, 'measuring', 1, false, false, '{}', '{}', '{}', '{}', '{}', '{}', '{}', 1000, 1000, v_lanes, false, null,
    false, false, array[v_definition], array['{"order": 12345678901234567890}'::jsonb], array[gen_random_uuid()::text], array['{}'::jsonb],
    array[false], array[null::timestamptz], array[null::timestamptz], null)
  where kind = 's';
  commit;
  for v_call in 1 .. p_calls + 5 loop
    if v_call = 6 then
      v_begun := clock_timestamp();
    end if;
    if p_single then
      select max(a) filter (where kind = 's'), max(n) filter (where kind = 's') into v_step, v_token
      from tasker_engine.succeed_1(v_worker, 'measuring', v_call, v_step, v_token, v_results, true, 1000, v_lanes, null);
    else
      select max(a) filter (where kind = 's'), max(n) filter (where kind = 's') into v_step, v_token
      from tasker_engine.exchange_1(v_worker, 'measuring', v_call, false, false, array[v_step], array[v_token], array['s'::"char"], array[v_results],
        array[0::float8], array[null::integer], array[null::text], 1000, 1000, v_lanes, false, null, false, false, '{}', '{}', '{}', '{}', '{}', '{}', '{}', null);
    end if;
    commit;
    if v_step is null then
      raise exception 'nothing was claimed in call %: are there other tasks in this database?', v_call;
    end if;
  end loop;
  raise notice '% steps, % µs a step', p_calls, round(extract(epoch from clock_timestamp() - v_begun) * 1e6 / p_calls, 1);
end $$;
