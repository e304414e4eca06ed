-- The exchange: one call, one transaction, one round trip. A worker hands in what happened and the tasks that are asked
-- for, and takes away new claims with all they need.
--
-- Order of locks, everywhere: the caller's own queue rows, children by step id, counters by task id, the line (skip
-- locked), counters of tasks that start by task id. The settings keep the plans in that order whatever the statistics
-- say; jit must be off because a disabled node's cost would start the compiler.
--
-- Outcomes, one element of each array per step:
--   p_kinds    s  succeeded
--              r  failed, tried again after p_waits seconds
--              x  failed, attempts used up or never to be retried
--              p  failed for good: the row's `retryable` becomes false (R-14)
--              b  handed back unfinished: the attempt does not count, due at once (R-22)
--   p_results  s: the results; otherwise the error's keys, which are merged into the row's results
--   p_asked    seconds that the failure itself asked for, or null (R-12)
--   p_notes    a reason for the history, such as `abandoned`, or null
--
-- Rows that come back:
--   i  at = the instant of this call's rows
--   n  created task a, in place m of the request;  d  place m's key belongs to task a already
--   s  claimed step a of task b: token n, definition's step m, attempt k of w, ids = its parents, doc = results before
--   t  task b of definition a with context doc;  r  results doc of parent step a, named step m, of task b
--   c  task a is complete;  f  task a ended in error;  p  task a waits until at;  h  nothing new of task a is claimed
--   x  the outcome of step a was refused: its claim is no longer the caller's
--   w  at = the earliest instant at which a step of the caller's lanes is due
create function tasker_engine.exchange_1(
  p_worker integer, p_label text,
  p_steps bigint[], p_tokens integer[], p_kinds "char"[], p_results jsonb[], p_waits float8[], p_asked integer[], p_notes text[],
  p_want integer, p_lanes bigint[], p_wake boolean,
  p_definitions bigint[], p_contexts jsonb[], p_keys text[], p_details jsonb[], p_reserved boolean[],
  p_now timestamptz)
returns table (kind "char", a bigint, b bigint, n integer, m integer, k integer, w integer, ids bigint[], at timestamptz, doc jsonb)
language plpgsql
set search_path = tasker_engine, public, pg_temp
set timezone = 'UTC' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_now timestamptz := coalesce(p_now, clock_timestamp());
  v_at timestamp; v_instant timestamptz;
  v_new bigint[]; v_new_places integer[]; v_old bigint[]; v_old_places integer[]; v_fresh_started bigint[];
  -- outcomes that were accepted: successes, failures, steps handed back
  v_done bigint[]; v_done_attempts integer[]; v_done_results jsonb[];
  v_err bigint[]; v_err_tasks bigint[]; v_err_attempts integer[]; v_err_results jsonb[]; v_err_kinds "char"[];
  v_err_waits float8[]; v_err_asked integer[]; v_err_notes text[]; v_err_lanes bigint[];
  v_back bigint[]; v_back_tasks bigint[]; v_back_attempts integer[]; v_back_notes text[];
  -- claims: of steps that never ran, and of steps that did
  v_claimed bigint[] := '{}'; v_more bigint[]; v_more_tasks bigint[]; v_again bigint[] := '{}'; v_claim_tasks bigint[] := '{}';
  v_woken_tasks bigint[] := '{}'; v_due bigint[];
  -- tasks and what became of them
  v_touched bigint[]; v_touched_remaining integer[]; v_touched_alive integer[]; v_touched_waiting integer[]; v_halted bigint[];
  v_undo bigint[]; v_complete bigint[]; v_failed bigint[]; v_parked bigint[]; v_last timestamptz; v_started bigint[];
  v_left integer; v_lane bigint; v_parents bigint[]; v_size bigint;
begin
  -- A. Queue and counters: nothing but our own tables.

  -- A worker that was declared lost settles what it holds, as far as nobody else has, and claims nothing more: its new
  -- claims would come after the look at what it held.
  if p_want > 0 and not exists (select from worker where worker_id = p_worker and not lost) then
    p_want := 0;
  end if;

  if cardinality(p_definitions) > 0 then
    select c.tasks, c.places, c.existing, c.existing_places, c.claimed, c.started
    into v_new, v_new_places, v_old, v_old_places, v_claimed, v_fresh_started
    from create_tasks_1(p_definitions, p_contexts, p_keys, p_details, p_reserved, v_now, p_worker, p_want, p_lanes) c;
    v_claimed := coalesce(v_claimed, '{}');
  end if;

  -- Failures first: they touch only rows that the caller owns.
  if p_kinds && '{r,x,p,b}'::"char"[] then
    with hit as (
      update queue q set owner = null, dead = o.kind in ('x', 'p'), attempts = q.attempts - (o.kind = 'b')::int
      from unnest(p_steps, p_tokens, p_kinds, p_results, p_waits, p_asked, p_notes) o(step_id, token, kind, result, wait, asked, note)
      where o.kind <> 's' and q.step_id = o.step_id and q.owner = p_worker and q.token = o.token
      returning q.step_id, q.task_id, q.attempts, q.lane, q.rank, o.kind, o.result, o.wait, o.asked, o.note
    ), line as (
      insert into ready (lane, rank, step_id) select lane, rank, step_id from hit where kind = 'b'
    )
    select array_agg(step_id) filter (where kind <> 'b'), array_agg(task_id) filter (where kind <> 'b'),
      array_agg(attempts) filter (where kind <> 'b'), array_agg(result) filter (where kind <> 'b'),
      array_agg(kind) filter (where kind <> 'b'), array_agg(wait) filter (where kind <> 'b'),
      array_agg(asked) filter (where kind <> 'b'), array_agg(note) filter (where kind <> 'b'),
      array_agg(lane) filter (where kind <> 'b'),
      array_agg(step_id) filter (where kind = 'b'), array_agg(task_id) filter (where kind = 'b'),
      array_agg(attempts + 1) filter (where kind = 'b'), array_agg(note) filter (where kind = 'b')
    into v_err, v_err_tasks, v_err_attempts, v_err_results, v_err_kinds, v_err_waits, v_err_asked, v_err_notes, v_err_lanes,
      v_back, v_back_tasks, v_back_attempts, v_back_notes
    from hit;
  end if;

  -- Steps whose instant has come join the line.
  if p_wake then
    foreach v_lane in array p_lanes loop
      with due as (
        delete from later l
        using (select ctid as place from later where lane = v_lane and wake_at <= v_now order by wake_at limit 1000 for update skip locked) f
        where l.ctid = f.place
        returning l.step_id
      )
      select array_agg(step_id) into v_due from due;
      if v_due is not null then
        with up as (
          update queue q set rank = v_now - q.priority * interval '1 minute'
          where q.step_id = any(v_due)
          returning q.step_id, q.task_id, q.lane, q.rank
        ), line as (
          insert into ready (lane, rank, step_id) select lane, rank, step_id from up
        )
        select v_woken_tasks || array_agg(task_id) into v_woken_tasks from up;
      end if;
    end loop;
  end if;

  if 's' = any(p_kinds) or v_err is not null or v_back is not null or cardinality(v_woken_tasks) > 0 then
    with gone as (
      delete from queue q using unnest(p_steps, p_tokens, p_kinds, p_results) o(step_id, token, kind, result)
      where o.kind = 's' and q.step_id = o.step_id and q.owner = p_worker and q.token = o.token
      returning q.step_id, q.task_id, q.attempts, o.result
    ), met as (
      select e.to_step_id as step_id, count(*)::int as parents, row_number() over (order by e.to_step_id) as place
      from gone g join tasker_workflow_step_edges e on e.from_step_id = g.step_id
      group by e.to_step_id order by e.to_step_id
    ), unlocked as (
      -- A child goes straight to the worker that unlocked it if that worker serves its lane and has room.
      update queue q set unmet = q.unmet - met.parents,
        owner = case when q.unmet = met.parents and q.lane = any(p_lanes) and met.place <= p_want then p_worker end,
        token = (q.unmet = met.parents and q.lane = any(p_lanes) and met.place <= p_want)::int,
        attempts = (q.unmet = met.parents and q.lane = any(p_lanes) and met.place <= p_want)::int,
        rank = case when q.unmet = met.parents then v_now - q.priority * interval '1 minute' else q.rank end
      from met where q.step_id = met.step_id
      returning q.step_id, q.task_id, q.unmet, q.owner, q.lane, q.rank
    ), line as (
      insert into ready (lane, rank, step_id) select lane, rank, step_id from unlocked where unmet = 0 and owner is null
    ), delta as (
      select task_id, sum(done)::int as done, sum(alive)::int as alive, sum(waiting)::int as waiting, sum(dead)::int as dead
      from (
        select task_id, 1, -1, 0, 0 from gone
        union all select t, 0, -(e.kind <> 'r')::int, (e.kind = 'r')::int, (e.kind <> 'r')::int from unnest(v_err_tasks, v_err_kinds) e(t, kind)
        union all select task_id, 0, 1, 0, 0 from unlocked where unmet = 0
        union all select t, 0, 0, -1, 0 from unnest(v_woken_tasks) t
        -- changes no counter, but a halted task takes what was handed back out of the line again
        union all select t, 0, 0, 0, 0 from unnest(v_back_tasks) t
      ) x(task_id, done, alive, waiting, dead)
      group by task_id order by task_id
    ), counted as (
      update task t set remaining = t.remaining - d.done, alive = t.alive + d.alive, waiting = t.waiting + d.waiting,
        halted = t.halted or (t.fail_fast and d.dead > 0), last_at = greatest(t.last_at, coalesce(p_now, clock_timestamp()))
      from delta d where t.task_id = d.task_id
      returning t.task_id, t.remaining, t.alive, t.waiting, t.halted, t.last_at
    )
    select g.steps, g.attempts, g.results, v_claimed || coalesce(u.steps, '{}'),
      c.tasks, c.remaining, c.alive, c.waiting, c.halted, c.last_at
    into v_done, v_done_attempts, v_done_results, v_claimed,
      v_touched, v_touched_remaining, v_touched_alive, v_touched_waiting, v_halted, v_last
    from (select array_agg(step_id) as steps, array_agg(attempts) as attempts, array_agg(result) as results from gone) g,
      (select array_agg(step_id) as steps from unlocked where owner is not null) u,
      (select array_agg(task_id) as tasks, array_agg(remaining) as remaining, array_agg(alive) as alive,
        array_agg(waiting) as waiting, array_agg(task_id) filter (where halted) as halted, max(last_at) as last_at from counted) c;
  end if;

  -- A halted task keeps only what runs: everything that stands in line or waits is taken out.
  if v_halted is not null then
    select array_agg(q.step_id) into v_undo from queue q where q.step_id = any(v_claimed) and q.task_id = any(v_halted);
    if v_undo is not null then
      update queue set owner = null, attempts = attempts - 1 where step_id = any(v_undo);
      v_claimed := array(select c from unnest(v_claimed) c where not c = any(v_undo));
    end if;
    with open as materialized (
      select q.step_id, q.task_id, q.lane, q.rank
      from tasker_workflow_steps s join queue q on q.step_id = s.workflow_step_id
      where s.task_id = any(v_halted) and q.owner is null and q.unmet = 0 and not q.dead
    ), out_of_line as (
      delete from ready r using (
        select r.ctid as place, o.task_id from open o join ready r on r.lane = o.lane and r.rank = o.rank and r.step_id = o.step_id
        for update of r skip locked) f
      where r.ctid = f.place returning f.task_id
    ), out_of_wait as (
      delete from later l using (
        select l.ctid as place, o.task_id from open o join later l on l.lane = o.lane and l.wake_at = o.rank and l.step_id = o.step_id
        for update of l skip locked) f
      where l.ctid = f.place returning f.task_id
    ), gone as (
      select task_id, count(*)::int as alive, sum(waits)::int as waiting from (
        select task_id, 0 from out_of_line
        union all select task_id, 1 from out_of_wait
        union all select t, 1 from unnest(v_err_tasks, v_err_kinds) e(t, kind) where kind = 'r' and t = any(v_halted)
        union all select q.task_id, 0 from queue q where q.step_id = any(v_undo)
      ) x(task_id, waits) group by task_id order by task_id
    ), counted as (
      update task t set alive = t.alive - g.alive, waiting = t.waiting - g.waiting
      from gone g where t.task_id = g.task_id returning t.task_id, t.remaining, t.alive, t.waiting
    ), told as (
      select u.task_id, coalesce(c.remaining, u.remaining) as remaining, coalesce(c.alive, u.alive) as alive, coalesce(c.waiting, u.waiting) as waiting
      from unnest(v_touched, v_touched_remaining, v_touched_alive, v_touched_waiting) u(task_id, remaining, alive, waiting)
      left join counted c on c.task_id = u.task_id
    )
    select array_agg(task_id), array_agg(remaining), array_agg(alive), array_agg(waiting)
    into v_touched, v_touched_remaining, v_touched_alive, v_touched_waiting from told;
    -- what failed just now will not be tried again
    v_err_kinds := array(select case when kind = 'r' and t = any(v_halted) then 'q' else kind end from unnest(v_err_tasks, v_err_kinds) with ordinality e(t, kind, place) order by place);
  end if;

  if v_touched is not null then
    select array_agg(t) filter (where remaining = 0), array_agg(t) filter (where remaining > 0 and alive = 0),
      -- Of a halted task nothing waits any more: what still stands there is being woken by somebody at this moment.
      array_agg(t) filter (where remaining > 0 and alive > 0 and alive = waiting and not t = any(coalesce(v_halted, '{}')))
    into v_complete, v_failed, v_parked
    from unnest(v_touched, v_touched_remaining, v_touched_alive, v_touched_waiting) x(t, remaining, alive, waiting);
    if v_complete is not null or v_failed is not null or v_parked is not null then
      update task set running = false, ended = not (task_id = any(coalesce(v_parked, '{}')))
      where task_id = any(coalesce(v_complete, '{}') || coalesce(v_failed, '{}') || coalesce(v_parked, '{}'));
    end if;
  end if;

  -- The line is claimed last: its locks are never waited for.
  v_left := p_want - cardinality(v_claimed);
  foreach v_lane in array p_lanes || array(select -t from unnest(v_new, v_new_places) x(t, place) where p_reserved[place]) loop
    exit when v_left <= 0;
    with taken as (
      delete from ready r using (select ctid as place from ready where lane = v_lane order by rank limit v_left for update skip locked) f
      where r.ctid = f.place returning r.step_id
    ), mine as (
      update queue q set owner = p_worker, token = q.token + 1, attempts = q.attempts + 1
      from taken where q.step_id = taken.step_id returning q.step_id, q.task_id, q.token
    )
    select array_agg(step_id) filter (where token = 1), array_agg(step_id) filter (where token > 1), array_agg(task_id)
    into v_more, v_due, v_more_tasks from mine;
    if v_more_tasks is not null then
      v_left := v_left - cardinality(v_more_tasks);
      v_claimed := v_claimed || coalesce(v_more, '{}');
      v_again := v_again || coalesce(v_due, '{}');
      v_claim_tasks := v_claim_tasks || v_more_tasks;
    end if;
  end loop;

  if cardinality(v_claim_tasks) > 0 then
    with starting as (
      update task t set running = true, last_at = greatest(t.last_at, coalesce(p_now, clock_timestamp()))
      from (select distinct x as task_id from unnest(v_claim_tasks) x order by 1) c
      where t.task_id = c.task_id and not t.running
      returning t.task_id, t.last_at
    )
    select array_agg(task_id), greatest(v_last, max(last_at)) into v_started, v_last from starting;
    -- A clock that was set back must not let a step begin before its parents ended.
    select greatest(v_last, max(t.last_at)) into v_last from task t where t.task_id = any(v_claim_tasks);
  end if;

  -- B. The record. Its instant is read only now, with every lock held: a child's start is never written before its
  -- parent's end, and no row is written below the newest one of its task. A claim from the line leaves no instant in
  -- the task's counters, so a step's own history is looked at as well: the clock may have been set back since.
  v_instant := greatest(coalesce(p_now, clock_timestamp()), v_last);
  v_at := v_instant at time zone 'UTC';

  if v_done is not null or cardinality(v_claimed) > 0 then
    with flipped as (
      update tasker_workflow_step_transitions t set most_recent = false, updated_at = v_at
      from unnest(v_done, v_done_attempts) d(step_id, attempts)
      where t.workflow_step_id = d.step_id and t.most_recent
      returning t.workflow_step_id, t.sort_key, t.to_state, d.attempts, greatest(v_at, t.created_at) as at
    ), rows as (
      update tasker_workflow_steps s set processed = true, in_process = false, processed_at = v_at, results = d.result,
        attempts = d.attempts, last_attempted_at = v_at, backoff_request_seconds = null, updated_at = v_at
      from unnest(v_done, v_done_attempts, v_done_results) d(step_id, attempts, result) where s.workflow_step_id = d.step_id
    )
    insert into tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
    select 'complete', to_state, jsonb_build_object('worker', p_label, 'attempt', attempts), sort_key + 10, true, workflow_step_id, at, at from flipped
    union all
    select 'in_progress', 'pending', jsonb_build_object('worker', p_label, 'attempt', 1), 10, true, c, v_at, v_at from unnest(v_claimed) c;
  end if;

  if v_err is not null then
    with flipped as (
      update tasker_workflow_step_transitions t set most_recent = false, updated_at = v_at
      from unnest(v_err, v_err_attempts, v_err_results, v_err_notes) d(step_id, attempts, result, note)
      where t.workflow_step_id = d.step_id and t.most_recent
      returning t.workflow_step_id, t.sort_key, t.to_state, d.attempts, d.result, d.note, greatest(v_at, t.created_at) as at
    ), rows as (
      update tasker_workflow_steps s set processed = false, in_process = false,
        results = case when jsonb_typeof(s.results) = 'object' then s.results else '{}' end || d.result,
        retryable = s.retryable and d.kind <> 'p', attempts = d.attempts, last_attempted_at = v_at,
        backoff_request_seconds = d.asked, updated_at = v_at
      from unnest(v_err, v_err_attempts, v_err_results, v_err_kinds, v_err_asked) d(step_id, attempts, result, kind, asked)
      where s.workflow_step_id = d.step_id
    )
    insert into tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
    select 'error', to_state, jsonb_strip_nulls(jsonb_build_object('worker', p_label, 'attempt', attempts, 'error', left(result->>'error', 500), 'reason', note)),
      sort_key + 10, true, workflow_step_id, at, at
    from flipped;

    with waits as (
      update queue q set rank = v_instant + make_interval(secs => e.wait)
      from unnest(v_err, v_err_kinds, v_err_waits) e(step_id, kind, wait)
      where e.kind = 'r' and q.step_id = e.step_id
      returning q.lane, q.rank, q.step_id
    )
    insert into later (lane, wake_at, step_id) select lane, rank, step_id from waits;
  end if;

  if v_back is not null then
    with flipped as (
      update tasker_workflow_step_transitions t set most_recent = false, updated_at = v_at
      from unnest(v_back, v_back_attempts, v_back_notes) d(step_id, attempts, note)
      where t.workflow_step_id = d.step_id and t.most_recent
      returning t.workflow_step_id, t.sort_key, t.to_state, d.attempts, d.note, greatest(v_at, t.created_at) as at
    )
    insert into tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
    select s.state, case s.state when 'error' then f.to_state else 'error' end,
      jsonb_strip_nulls(jsonb_build_object('worker', p_label, 'attempt', f.attempts, 'reason', f.note)),
      f.sort_key + s.k, s.state = 'pending', f.workflow_step_id, f.at, f.at
    from flipped f, (values ('error', 10), ('pending', 20)) s(state, k);
  end if;

  if cardinality(v_again) > 0 then
    -- from error by way of pending (R-11); from pending, after a hand-back, at once
    with flipped as (
      update tasker_workflow_step_transitions t set most_recent = false, updated_at = v_at
      where t.workflow_step_id = any(v_again) and t.most_recent
      returning t.workflow_step_id, t.sort_key, t.to_state, greatest(v_at, t.created_at) as at
    ), rows as (
      select f.workflow_step_id, f.sort_key, f.to_state, f.at, q.attempts from flipped f join queue q on q.step_id = f.workflow_step_id
    )
    insert into tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
    select 'pending', to_state, jsonb_build_object('worker', p_label, 'attempt', attempts), sort_key + 10, false, workflow_step_id, at, at
    from rows where to_state <> 'pending'
    union all
    select 'in_progress', 'pending', jsonb_build_object('worker', p_label, 'attempt', attempts),
      sort_key + case when to_state = 'pending' then 10 else 20 end, true, workflow_step_id, at, at
    from rows;
    v_claimed := v_claimed || v_again;
  end if;

  if v_fresh_started is not null or v_started is not null then
    with flipped as (
      update tasker_task_transitions t set most_recent = false, updated_at = v_at
      where t.task_id = any(v_started) and t.most_recent
      returning t.task_id, t.sort_key, t.to_state
    ), starts as (
      select task_id, sort_key, to_state from flipped
      union all
      select x, 0, 'pending' from unnest(v_fresh_started) x
      union all
      select x, 0, 'pending' from unnest(v_started) x
      where not exists (select from tasker_task_transitions t where t.task_id = x and t.most_recent)
    )
    insert into tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
    select 'in_progress', s.to_state,
      jsonb_build_object('initialization_completed', true, 'step_dependencies_established', d.steps, 'worker', p_label),
      s.sort_key + 10, true, s.task_id, v_at, v_at
    from starts s join task t on t.task_id = s.task_id join definition d on d.definition_id = t.definition_id
    order by s.task_id;
  end if;

  if v_complete is not null or v_failed is not null or v_parked is not null then
    with ends as (
      select x as task_id, 'complete' as state from unnest(v_complete) x
      union all select x, 'error' from unnest(v_failed) x
      union all select x, 'pending' from unnest(v_parked) x
    ), flipped as (
      update tasker_task_transitions t set most_recent = false, updated_at = v_at
      from ends e where t.task_id = e.task_id and t.most_recent
      returning t.task_id, t.sort_key, t.to_state, e.state
    ), done as (
      update tasker_tasks t set complete = true, updated_at = v_at where t.task_id = any(v_complete)
    )
    insert into tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
    select state, to_state,
      case when state = 'error' then jsonb_build_object('worker', p_label, 'held_by', (
        select coalesce(jsonb_agg(ns.name order by s.workflow_step_id), '[]')
        from tasker_workflow_steps s join queue q on q.step_id = s.workflow_step_id and q.dead
        join tasker_named_steps ns on ns.named_step_id = s.named_step_id
        where s.task_id = flipped.task_id))
      else jsonb_build_object('worker', p_label) end,
      sort_key + 10, true, task_id, v_at, v_at
    from flipped;
    if v_failed is not null then
      delete from queue q using tasker_workflow_steps s where s.task_id = any(v_failed) and q.step_id = s.workflow_step_id;
    end if;
  end if;

  -- C. What the worker learns; by arrays, because a join by `in (select …)` has a ruinous plan when statistics are stale.
  if cardinality(v_claimed) > 0 then
    v_parents := array(select distinct e.from_step_id from tasker_workflow_step_edges e where e.to_step_id = any(v_claimed));
    select sum(octet_length(x.results::text)) into v_size from tasker_workflow_steps x where x.workflow_step_id = any(v_parents);
    if v_size > 262144 then
      -- Too much to send along: each step's smallest parents, up to 256 KiB a step; the others are fetched on demand.
      v_parents := array(
        select distinct p.from_step_id from (
          select e.from_step_id, sum(octet_length(x.results::text)) over (partition by e.to_step_id order by octet_length(x.results::text), e.from_step_id) as so_far
          from tasker_workflow_step_edges e join tasker_workflow_steps x on x.workflow_step_id = e.from_step_id
          where e.to_step_id = any(v_claimed)) p
        where p.so_far <= 262144);
    end if;
  end if;
  return query
    with s as materialized (
      select q.step_id, q.task_id, q.token, q.ix, q.attempts, q.attempts_allowed from queue q where q.step_id = any(v_claimed)
    ), tasks as (select distinct task_id from s)
    select 'i'::"char", null::bigint, null::bigint, null::int, null::int, null::int, null::int, null::bigint[], v_instant, null::jsonb
    union all
    select 'n', t, null, null, place, null, null, null, null, null from unnest(v_new, v_new_places) x(t, place)
    union all
    select 'd', t, null, null, place, null, null, null, null, null from unnest(v_old, v_old_places) x(t, place)
    union all
    select 't', l.definition_id, t.task_id, null, null, null, null, null, null, t.context
    from tasks join tasker_tasks t on t.task_id = tasks.task_id join task l on l.task_id = t.task_id
    union all
    select 'r', x.workflow_step_id, x.task_id, null, x.named_step_id, null, null, null, null, x.results
    from tasker_workflow_steps x where x.workflow_step_id = any(v_parents)
    union all
    select 's', s.step_id, s.task_id, s.token, s.ix, s.attempts, s.attempts_allowed,
      array(select e.from_step_id from tasker_workflow_step_edges e where e.to_step_id = s.step_id), null,
      case when s.token > 1 then (select x.results from tasker_workflow_steps x where x.workflow_step_id = s.step_id) end
    from s
    union all
    select 'c', t, null, null, null, null, null, null, null, null from unnest(v_complete) t
    union all
    select 'f', t, null, null, null, null, null, null, null, null from unnest(v_failed) t
    union all
    select 'h', t, null, null, null, null, null, null, null, null from unnest(v_halted) t
    union all
    select 'p', t, null, null, null, null, null, null, null, null from unnest(v_parked) t
    union all
    select 'x', o, null, null, null, null, null, null, null, null from unnest(p_steps) o
    where not o = any(coalesce(v_done, '{}') || coalesce(v_err, '{}') || coalesce(v_back, '{}'))
    union all
    select 'w', null, null, null, null, null, null, null,
      (select min(l.first) from unnest(p_lanes || array(select -t from unnest(v_new, v_new_places) x(t, place) where p_reserved[place])) x(lane)
        cross join lateral (select min(wake_at) as first from later where later.lane = x.lane) l), null;
end $$;
