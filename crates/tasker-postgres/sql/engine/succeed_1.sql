-- The exchange of a worker that hands in one success and nothing else while nobody stands in line: what a chain of steps
-- comes down to. It does what `exchange_1` does for such a call, in the same order of locks, row by row instead of by
-- sets: setting up statements for sets costs more than the one row does.
--
-- `p_only_parent` says that no child of the step has another parent, so that nobody's results have to be looked for.
--
-- Rows that come back are those of `exchange_1`, or one of kind
--   g  nothing was done: the call is one for `exchange_1`
-- What shows only after something was written (a task that does not simply go on or end, a child that was begun before) is
-- refused with TSK02, which undoes it; that call is one for `exchange_1`, too.
create function tasker_engine.succeed_1(
  p_worker integer, p_label text, p_call integer, p_step bigint, p_token integer, p_results jsonb, p_only_parent boolean,
  p_want integer, p_lanes bigint[], p_now timestamptz)
returns table (kind "char", a bigint, b bigint, n integer, m integer, k integer, w integer, at timestamptz, doc jsonb)
language plpgsql
set search_path = tasker_engine, public, pg_temp
set timezone = 'UTC' set enable_seqscan = off set enable_bitmapscan = off set jit = off
set plan_cache_mode = force_generic_plan set lock_timeout = '200ms'
as $$
#variable_conflict use_column
declare
  c_row_by_row constant integer := 4;
  c_last_sort constant integer := 2147483600;
  v_now timestamptz := coalesce(p_now, clock_timestamp());
  v_instant timestamptz; v_at timestamp; v_done_at timestamp; v_last timestamptz;
  v_task bigint; v_attempts integer; v_verdict "char"; v_sort integer;
  v_children bigint[]; v_child bigint; v_parents bigint[]; v_size bigint;
  v_unlocked integer := 0; v_claimed bigint[] := '{}';
  v_unmet integer; v_ix integer; v_attempt integer; v_allowed integer; v_owner integer; v_dead boolean; v_lane bigint; v_rank timestamptz;
  v_places integer[] := '{}'; v_attempts_of integer[] := '{}'; v_allowed_of integer[] := '{}'; v_lined boolean; v_waits boolean; v_alive boolean;
  v_by jsonb := jsonb_build_object('worker', p_label); v_first jsonb := v_by || '{"attempt": 1}';
begin
  select exists (select from ready where lane = any(p_lanes)), exists (select from later where lane = any(p_lanes)),
    (select not lost and not stale and not asleep from worker where worker_id = p_worker)
  into v_lined, v_waits, v_alive;
  if v_lined or v_alive is not true then
    kind := 'g'; return next;
    return;
  end if;
  v_children := array(select to_step_id + 0 from tasker_workflow_step_edges where from_step_id = any(array[p_step]) limit c_row_by_row + 1);
  if cardinality(v_children) > least(c_row_by_row, p_want) then
    kind := 'g'; return next;
    return;
  end if;

  -- A. Queue and counters.

  delete from queue q where q.step_id = any(array[p_step]) and q.owner = p_worker and q.token = p_token
  returning q.task_id, q.attempts into v_task, v_attempts;
  if not found then
    kind := 'g'; return next;
    return;
  end if;
  if cardinality(v_children) > 1 then
    v_children := array(select c from unnest(v_children) c order by c);
  end if;
  foreach v_child in array v_children loop
    update queue q set unmet = q.unmet - 1, call = p_call,
      owner = case when q.unmet = 1 and not q.dead and q.token = 0 and q.lane = any(p_lanes) and q.task_id = v_task then p_worker end,
      token = (q.unmet = 1 and not q.dead and q.token = 0 and q.lane = any(p_lanes) and q.task_id = v_task)::int + q.token,
      attempts = (q.unmet = 1 and not q.dead and q.token = 0 and q.lane = any(p_lanes) and q.task_id = v_task)::int + q.attempts,
      rank = case when q.unmet = 1 then v_now - q.priority * interval '1 minute' else q.rank end
    where q.step_id = any(array[v_child])
    returning unmet, ix, attempts, attempts_allowed, owner, dead, lane, rank
    into v_unmet, v_ix, v_attempt, v_allowed, v_owner, v_dead, v_lane, v_rank;
    if v_unmet = 0 and not v_dead then
      v_unlocked := v_unlocked + 1;
      if v_owner is null and v_lane = any(p_lanes) then
        -- It was begun before, and is claimed by way of its history, or another task's.
        raise exception 'this call is one for exchange_1' using errcode = 'TSK02';
      elsif v_owner is null then
        insert into ready (lane, rank, step_id) values (v_lane, v_rank, v_child);
        v_lined := true;
      else
        v_claimed := v_claimed || v_child; v_places := v_places || v_ix; v_attempts_of := v_attempts_of || v_attempt; v_allowed_of := v_allowed_of || v_allowed;
      end if;
    end if;
  end loop;
  update task t set remaining = t.remaining - 1, alive = t.alive - 1 + v_unlocked, last_at = greatest(t.last_at, coalesce(p_now, clock_timestamp())),
    verdict = verdict_1(t.ended, t.halted, t.running, t.remaining - 1, t.alive - 1 + v_unlocked, t.waiting),
    running = t.running and t.remaining > 1, ended = t.ended or t.remaining = 1
  where t.task_id = any(array[v_task])
  returning verdict, last_at into v_verdict, v_last;
  v_instant := greatest(coalesce(p_now, clock_timestamp()), v_last);
  if v_verdict is null or v_verdict not in ('g', 'c', 'p') or v_instant = v_last and v_instant > coalesce(p_now, clock_timestamp()) then
    raise exception 'this call is one for exchange_1' using errcode = 'TSK02';
  end if;

  -- B. The record.

  v_at := v_instant at time zone 'UTC';
  update tasker_workflow_step_transitions t set most_recent = false, updated_at = v_at
  where t.workflow_step_id = any(array[p_step]) and t.most_recent = (p_step is not null) and t.to_state = 'in_progress' and t.sort_key < c_last_sort
  returning t.sort_key, greatest(v_at, t.created_at) into v_sort, v_done_at;
  if not found then
    perform changed_tasks_1(array[v_task]);
  end if;
  update tasker_workflow_steps s set processed = true, in_process = false, processed_at = v_at, results = p_results,
    attempts = v_attempts, last_attempted_at = v_at, backoff_request_seconds = null, updated_at = v_at
  where s.workflow_step_id = any(array[p_step]);
  insert into tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
  select case x when p_step then 'complete' else 'in_progress' end, case x when p_step then 'in_progress' else 'pending' end,
    case when x <> p_step or v_attempts = 1 then v_first else v_by || jsonb_build_object('attempt', v_attempts) end,
    case x when p_step then v_sort + 10 else 10 end, true, x, case x when p_step then v_done_at else v_at end,
    case x when p_step then v_done_at else v_at end
  from unnest(p_step || v_claimed) x;
  if v_verdict <> 'g' then
    update tasker_task_transitions t set most_recent = false, updated_at = v_at
    where t.task_id = any(array[v_task]) and t.most_recent = (v_task is not null) and t.to_state = 'in_progress' and t.sort_key < c_last_sort
    returning t.sort_key into v_sort;
    if not found then
      perform changed_tasks_1(array[v_task]);
    end if;
    if v_verdict = 'c' then
      update tasker_tasks t set complete = true, updated_at = v_at where t.task_id = any(array[v_task]);
    else
      update task t set running = false where t.task_id = any(array[v_task]);
    end if;
    insert into tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
    values (case v_verdict when 'c' then 'complete' else 'pending' end, 'in_progress', v_by, v_sort + 10, true, v_task, v_at, v_at);
  end if;
  if v_lined and exists (select from worker where asleep and not lost and worker_id <> p_worker) then
    perform pg_notify('tasker_engine', '');
  end if;

  -- C. What the worker learns.

  kind := 'i'; at := v_instant; return next;
  if v_waits then
    select min(l.first) into at
    from unnest(p_lanes) x(lane) cross join lateral (select min(wake_at) as first from later where later.lane = x.lane) l;
    if at < '10000-01-01' then
      at := greatest(at, 'epoch'); kind := 'w'; return next;
    end if;
  end if;
  at := null;
  if v_verdict <> 'g' then
    kind := v_verdict; a := v_task; return next;
  end if;
  if cardinality(v_claimed) > 0 then
    b := v_task;
    if not p_only_parent then
      select array_agg(e.from_step_id), sum(octet_length(x.results::text)) into v_parents, v_size
      from (
        select distinct from_step_id + 0 as from_step_id from tasker_workflow_step_edges
        where to_step_id = any(v_claimed) and from_step_id <> p_step) e
      join tasker_workflow_steps x on x.workflow_step_id = any(array[e.from_step_id]);
      if v_size > 262144 then
        v_parents := smallest_parents_1(v_claimed, array[p_step], 262144);
      end if;
      if v_parents is not null then
        return query
          select 'r'::"char", x.workflow_step_id, x.task_id, null::int, x.named_step_id, null::int, null::int, null::timestamptz, x.results
          from tasker_workflow_steps x where x.workflow_step_id = any(v_parents);
      end if;
    end if;
    kind := 's';
    for v_place in 1 .. cardinality(v_claimed) loop
      a := v_claimed[v_place]; n := 1; m := v_places[v_place]; k := v_attempts_of[v_place]; w := v_allowed_of[v_place];
      return next;
    end loop;
  end if;
end $$;
