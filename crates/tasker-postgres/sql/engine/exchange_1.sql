-- The exchange: one call, one transaction, one round trip. A worker hands in what happened and the tasks that are asked
-- for, and takes away new claims with all they need.
--
-- Order of locks, everywhere: the caller's own queue rows, children by step id, counters by task id, the line (skip
-- locked), counters of tasks that start by task id. The settings keep the plans in that order whatever the statistics
-- say; jit must be off because a disabled node's cost would start the compiler.
--
-- A table that was analysed while it was empty, as the queue often is, counts as one row, and a plan made then would read
-- all of it, in the order of an index, as the outer side of a join with what the call brought. The planner looks at such
-- scans only where an order could be of use. So no index offers one: rows are looked up with `= any(array[…])`, which is a
-- condition but no equality that tables could be merged by (of an index of several columns it is enough to do so with the first),
-- and grouped by `+ 0`. (For the same reason `most_recent` is compared
-- with something of the call's: on its own it is a condition that an index serves.) The line and what waits are the
-- exception: they are read in the order of an index.
--
-- The call:
--   p_call, p_repeat      the caller's number of this call, and whether it may have been carried out before: then its claims
--                         are told again, and outcomes that stand in the record already are not refused (R-35)
--   p_careful             somebody stands in the way: rows that are held for long are left where they are instead of being waited
--                         for, and what is claimed is compared with the record first (R-33)
--   p_want, p_handover    how many claims at most; how many of them may be children that this call unlocks
--   p_lanes, p_fair       the lanes to claim from: in this order, or else the one that has waited longest first
--   p_task                one task whose steps are claimed in any lane, unless its queue or type is paused; outcomes
--                         that are handed in beside it are its own
--   p_wake                steps that are due join the line first
--   p_sleep               the caller will do nothing for a while if there is nothing for it to do: it wants to be notified
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
--   s  claimed step a of task b: token n, definition's step m, attempt k of w, doc = results before
--   t  task b of definition a with context doc: of claims whose task the caller does not know already, which are those of
--      other successes that it handed in and those that it had created
--   r  results doc of parent step a, named step m, of task b: of parents whose success the caller did not hand in itself
--   c  task a is complete;  f  task a ended in error;  p  task a waits until at;  h  nothing new of task a is claimed
--   x  the outcome of step a was refused: its claim is no longer the caller's
--   y  the outcome of step a stood in the record already (p_repeat)
--   l  the outcome of step a was left for later: somebody holds its rows (p_careful)
--   v  lanes were made, paused or resumed: nothing was claimed from lanes until the caller asks which it serves
--   w  at = the earliest instant at which a step of the caller's lanes is due; what others have put before 1970 or after the
--      year 9999 is told as 1970, or not at all: a caller cannot read every instant that the database can hold
--
-- Where somebody else has changed a step or task underneath, nothing is done: TSK01, with the tasks in the detail. They
-- have to be rebuilt from the record before the call is made again.
create function tasker_engine.exchange_1(
  p_worker integer, p_label text, p_call integer, p_repeat boolean, p_careful boolean,
  p_steps bigint[], p_tokens integer[], p_kinds "char"[], p_results jsonb[], p_waits float8[], p_asked integer[], p_notes text[],
  p_want integer, p_handover integer, p_lanes bigint[], p_fair boolean, p_task bigint, p_wake boolean, p_sleep boolean,
  p_definitions bigint[], p_contexts jsonb[], p_keys text[], p_details jsonb[], p_reserved boolean[], p_starts timestamptz[],
  p_deadlines timestamptz[], p_now timestamptz)
returns table (kind "char", a bigint, b bigint, n integer, m integer, k integer, w integer, at timestamptz, doc jsonb)
language plpgsql
set search_path = tasker_engine, public, pg_temp
set timezone = 'UTC' set enable_seqscan = off set enable_indexonlyscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan set lock_timeout = '200ms'
as $$
#variable_conflict use_column
declare
  -- a history of which the next row would have no number any more is one that somebody changed
  c_last_sort constant integer := 2147483600;
  v_now timestamptz := coalesce(p_now, clock_timestamp());
  v_at timestamp; v_instant timestamptz;
  v_new bigint[]; v_new_places integer[]; v_old bigint[]; v_old_places integer[];
  -- outcomes that were accepted: successes, failures, steps handed back
  v_done bigint[]; v_done_attempts integer[]; v_done_results jsonb[]; v_unclaimed bigint[]; v_known bigint[];
  v_err bigint[]; v_err_tasks bigint[]; v_err_attempts integer[]; v_err_results jsonb[]; v_err_kinds "char"[];
  v_err_waits float8[]; v_err_asked integer[]; v_err_notes text[]; v_err_lanes bigint[];
  v_back bigint[]; v_back_attempts integer[]; v_back_notes text[];
  -- claims: of steps that never ran, and of steps that did
  v_claimed bigint[] := '{}'; v_taken bigint[] := '{}'; v_again bigint[] := '{}'; v_claim_tasks bigint[] := '{}';
  v_due bigint[];
  -- tasks and what became of them
  v_moved bigint[]; v_moved_alive integer[]; v_moved_waiting integer[]; v_moved_dead integer[];
  v_ends bigint[]; v_end_kinds "char"[]; v_halted bigint[]; v_undo bigint[]; v_failed bigint[];
  v_holders jsonb; v_last timestamptz; v_started bigint[];
  -- what the history says of who moved a step: nearly always a first attempt
  v_by jsonb := jsonb_build_object('worker', p_label); v_first jsonb := v_by || '{"attempt": 1}';
  v_lanes bigint[]; v_served bigint[]; v_alive boolean; v_ahead boolean; v_stale boolean; v_asleep boolean; v_lined boolean := false; v_stands boolean; v_waits boolean;
  v_repeated bigint[] := '{}'; v_recorded bigint[] := '{}'; v_held bigint[] := '{}';
  v_free bigint[]; v_changed bigint[]; v_rows bigint; v_left integer; v_next_due timestamptz; v_first_wait timestamptz; v_parents bigint[]; v_size bigint;
begin
  -- A. Queue and counters: nothing but our own tables.

  select not lost, stale, asleep into v_alive, v_stale, v_asleep from worker where worker_id = p_worker;
  -- A worker that was declared lost settles what it holds, as far as nobody else has, and claims nothing more: its new
  -- claims would come after the look at what it held.
  if v_alive is not true then
    p_want := 0;
  end if;
  if v_stale then
    p_lanes := array(select l from unnest(p_lanes) l where l < 0);
  end if;
  if p_careful then
    p_handover := 0;
  end if;
  p_handover := least(p_handover, p_want);
  v_lanes := p_lanes;
  v_served := p_lanes;
  if p_task is not null then
    -- Who names a task serves all its lanes but those of a queue or type that is paused. That of a reserved task is no row.
    v_served := v_served || -p_task || array(
      select l.lane_id
      from tasker_tasks t
      join lane l on l.named_task_id = any(array[t.named_task_id])
      join tasker_named_tasks k on k.named_task_id = any(array[t.named_task_id])
      join tasker_task_namespaces n on n.task_namespace_id = any(array[k.task_namespace_id])
      where t.task_id = p_task and not exists (
        select from pause p where p.scope = 'queue' and p.name = l.queue or p.scope = 'type' and p.name = n.name || '/' || k.name));
  end if;

  if p_repeat then
    v_repeated := array(select step_id from queue where owner = p_worker and call = p_call);
    v_recorded := array(
      select o.step_id from unnest(p_steps, p_tokens, p_kinds) o(step_id, token, kind)
      where not exists (select from queue q where q.step_id = any(array[o.step_id]) and q.owner = p_worker and q.token = o.token)
        and exists (
          select from tasker_workflow_step_transitions t join worker w on w.worker_id = p_worker
          where t.workflow_step_id = any(array[o.step_id]) and t.metadata->>'worker' = p_label and t.created_at >= w.started_at at time zone 'UTC'
            and t.to_state = case o.kind when 's' then 'complete' else 'error' end));
  end if;

  if p_careful and cardinality(p_steps) > 0 then
    -- Nothing is waited for: whatever somebody holds of a step is found out before anything of it is touched.
    v_free := array(select workflow_step_id from tasker_workflow_steps where workflow_step_id = any(p_steps) for update skip locked);
    v_free := array(select t.workflow_step_id from tasker_workflow_step_transitions t
      where t.workflow_step_id = any(v_free) and t.most_recent = (t.workflow_step_id is not null) for update skip locked);
    v_free := array(select s.workflow_step_id from tasker_workflow_steps s
      where s.workflow_step_id = any(v_free) and s.task_id = any(array(
        select t.task_id from tasker_tasks t
        where t.task_id = any(array(select x.task_id from tasker_workflow_steps x where x.workflow_step_id = any(v_free)))
        for no key update skip locked)));
    -- What is not there at all is held by nobody.
    v_held := array(select o from unnest(p_steps) o
      where not o = any(v_free) and exists (select from queue q where q.step_id = any(array[o]) and q.owner = p_worker)
        and exists (select from tasker_workflow_step_transitions t where t.workflow_step_id = any(array[o]) and t.most_recent = (o is not null)));
    if cardinality(v_held) > 0 then
      select coalesce(array_agg(step_id), '{}'), array_agg(token), coalesce(array_agg(kind), '{}'), array_agg(result), array_agg(wait), array_agg(ask), array_agg(note)
      into p_steps, p_tokens, p_kinds, p_results, p_waits, p_asked, p_notes
      from unnest(p_steps, p_tokens, p_kinds, p_results, p_waits, p_asked, p_notes) o(step_id, token, kind, result, wait, ask, note)
      where not step_id = any(v_held);
    end if;
  end if;

  if cardinality(p_definitions) > 0 then
    select c.tasks, c.places, c.existing, c.existing_places, c.claimed, c.lined
    into v_new, v_new_places, v_old, v_old_places, v_claimed, v_lined
    from create_tasks_1(p_definitions, p_contexts, p_keys, p_details, p_reserved, p_starts, p_deadlines, v_now, p_worker, p_label, p_call, p_want, p_lanes) c;
    v_claimed := coalesce(v_claimed, '{}');
  end if;

  -- Failures first: they touch only rows that the caller owns.
  if p_kinds && '{r,x,p,b}'::"char"[] then
    with hit as (
      update queue q set owner = null, dead = o.kind in ('x', 'p'), attempts = q.attempts - (o.kind = 'b')::int
      from unnest(p_steps, p_tokens, p_kinds, p_results, p_waits, p_asked, p_notes) o(step_id, token, kind, result, wait, asked, note)
      where o.kind <> 's' and q.step_id = any(array[o.step_id]) and q.owner = p_worker and q.token = o.token
      returning q.step_id, q.task_id, q.attempts, q.lane, q.rank, o.kind, o.result, o.wait, o.asked, o.note
    ), line as (
      insert into ready (lane, rank, step_id) select lane, rank, step_id from hit where kind = 'b'
    )
    select array_agg(step_id) filter (where kind <> 'b'), array_agg(task_id) filter (where kind <> 'b'),
      array_agg(attempts) filter (where kind <> 'b'), array_agg(result) filter (where kind <> 'b'),
      array_agg(kind) filter (where kind <> 'b'), array_agg(wait) filter (where kind <> 'b'),
      array_agg(asked) filter (where kind <> 'b'), array_agg(note) filter (where kind <> 'b'),
      array_agg(lane) filter (where kind <> 'b'),
      array_agg(step_id) filter (where kind = 'b'),
      array_agg(attempts + 1) filter (where kind = 'b'), array_agg(note) filter (where kind = 'b'),
      -- What is handed back changes no counter, but a halted task takes it out of the line again.
      array_agg(task_id), array_agg(-(kind in ('x', 'p'))::int), array_agg((kind = 'r')::int), array_agg((kind in ('x', 'p'))::int)
    into v_err, v_err_tasks, v_err_attempts, v_err_results, v_err_kinds, v_err_waits, v_err_asked, v_err_notes, v_err_lanes,
      v_back, v_back_attempts, v_back_notes, v_moved, v_moved_alive, v_moved_waiting, v_moved_dead
    from hit;
    v_lined := v_lined or v_back is not null;
  end if;

  -- Steps whose instant has come join the line.
  if p_wake then
    with due as (
      delete from later l where l.ctid = any(array(
        select f.place from unnest(p_lanes) x(lane) cross join lateral (
          select ctid as place from later where later.lane = x.lane and wake_at <= v_now order by wake_at limit 1000 for update skip locked) f
        limit 1000))
      returning l.step_id
    )
    select array_agg(step_id) into v_due from due;
    if p_task is not null then
      with own as materialized (
        select q.step_id, q.lane, q.rank from tasker_workflow_steps s join queue q on q.step_id = any(array[s.workflow_step_id])
        where s.task_id = p_task and q.owner is null and q.unmet = 0 and not q.dead and q.rank <= v_now and q.lane = any(v_served)
      ), due as (
        delete from later l where l.ctid = any(array(
          select l.ctid from own o join later l on l.lane = any(array[o.lane]) and l.wake_at = o.rank and l.step_id = o.step_id for update of l skip locked))
        returning l.step_id
      )
      select v_due || array_agg(step_id) into v_due from due;
    end if;
    if v_due is not null then
      with up as (
        update queue q set rank = v_now - q.priority * interval '1 minute'
        where q.step_id = any(v_due)
        returning q.step_id, q.task_id, q.lane, q.rank
      ), line as (
        insert into ready (lane, rank, step_id) select lane, rank, step_id from up
      )
      select v_moved || array_agg(task_id), v_moved_alive || array_agg(0), v_moved_waiting || array_agg(-1), v_moved_dead || array_agg(0)
      into v_moved, v_moved_alive, v_moved_waiting, v_moved_dead from up;
      v_lined := true;
    end if;
  end if;

  if 's' = any(p_kinds) or v_moved is not null then
    with gone as (
      delete from queue q using unnest(p_steps, p_tokens, p_kinds, p_results) o(step_id, token, kind, result)
      where o.kind = 's' and q.step_id = any(array[o.step_id]) and q.owner = p_worker and q.token = o.token
      returning q.step_id, q.task_id, q.attempts, o.result
    ), met as (
      select e.to_step_id + 0 as step_id, count(*)::int as parents, row_number() over (order by e.to_step_id + 0) as place, min(g.task_id) as task_id
      from gone g join tasker_workflow_step_edges e on e.from_step_id = any(array[g.step_id])
      group by e.to_step_id + 0 order by e.to_step_id + 0
    ), unlocked as (
      -- A child goes straight to the worker that unlocked it if that worker serves its lane and has room; one of another task
      -- (an edge of somebody else's making) is claimed from the line, with all that has to be known of its task.
      update queue q set unmet = q.unmet - met.parents, call = p_call,
        owner = case when q.unmet = met.parents and not q.dead and met.place <= p_handover and q.lane = any(v_served) and q.task_id = met.task_id then p_worker end,
        token = q.token + (q.unmet = met.parents and not q.dead and met.place <= p_handover and q.lane = any(v_served) and q.task_id = met.task_id)::int,
        attempts = q.attempts + (q.unmet = met.parents and not q.dead and met.place <= p_handover and q.lane = any(v_served) and q.task_id = met.task_id)::int,
        rank = case when q.unmet = met.parents then v_now - q.priority * interval '1 minute' else q.rank end
      from met where q.step_id = any(array[met.step_id])
      returning q.step_id, q.task_id, q.unmet, q.owner, q.token, q.lane, q.rank, q.dead
    ), delta as (
      select task_id, sum(done)::int as done, sum(alive)::int as alive, sum(waiting)::int as waiting, sum(dead)::int as dead
      from (
        select task_id, 1, -1, 0, 0 from gone
        -- a child that was called off before its parents ended stays dead
        union all select task_id, 0, 1, 0, 0 from unlocked where unmet = 0 and not dead
        union all select task_id, 0, alive, waiting, dead
          from unnest(v_moved, v_moved_alive, v_moved_waiting, v_moved_dead) m(task_id, alive, waiting, dead)
      ) x(task_id, done, alive, waiting, dead)
      group by task_id order by task_id
    ), counted as (
      update task t set remaining = t.remaining - d.done, alive = t.alive + d.alive, waiting = t.waiting + d.waiting,
        halted = t.halted or (t.fail_fast and d.dead > 0), last_at = greatest(t.last_at, coalesce(p_now, clock_timestamp())),
        verdict = verdict_1(t.ended, t.halted or (t.fail_fast and d.dead > 0), t.running, t.remaining - d.done, t.alive + d.alive, t.waiting + d.waiting),
        running = t.running and verdict_1(t.ended, t.halted or (t.fail_fast and d.dead > 0), t.running, t.remaining - d.done, t.alive + d.alive, t.waiting + d.waiting) not in ('c', 'f', 'p'),
        ended = t.ended or verdict_1(t.ended, t.halted or (t.fail_fast and d.dead > 0), t.running, t.remaining - d.done, t.alive + d.alive, t.waiting + d.waiting) in ('c', 'f')
      from delta d where t.task_id = any(array[d.task_id])
      returning t.task_id, t.verdict, t.last_at
    )
    select g.steps, g.tasks, g.attempts, g.results, v_claimed || coalesce(u.steps, '{}'), coalesce(u.again, '{}'), u.unclaimed,
      c.tasks, c.verdicts, c.last_at
    into v_done, v_known, v_done_attempts, v_done_results, v_claimed, v_again, v_unclaimed, v_ends, v_end_kinds, v_last
    from (select array_agg(step_id) as steps, array_agg(task_id) as tasks, array_agg(attempts) as attempts, array_agg(result) as results from gone) g,
      (select array_agg(step_id) filter (where owner is not null and token = 1) as steps,
        array_agg(step_id) filter (where owner is not null and token > 1) as again,
        array_agg(step_id) filter (where owner is null and unmet = 0 and not dead) as unclaimed
        from unlocked) u,
      -- A task that somebody else has ended stays as it is: what still ran of it is only recorded (R-17).
      (select array_agg(task_id) filter (where verdict in ('c', 'f', 'p', 'h')) as tasks,
        array_agg(verdict) filter (where verdict in ('c', 'f', 'p', 'h')) as verdicts, max(last_at) as last_at from counted) c;
    if v_unclaimed is not null then
      insert into ready (lane, rank, step_id) select lane, rank, step_id from queue where step_id = any(v_unclaimed) order by step_id;
      v_lined := true;
    end if;
  end if;

  -- A halted task keeps only what runs: everything that stands in line or waits is taken out.
  if 'h' = any(v_end_kinds) then
    select array_agg(t) filter (where kind = 'h'), array_agg(t) filter (where kind <> 'h'), array_agg(kind) filter (where kind <> 'h')
    into v_halted, v_ends, v_end_kinds from unnest(v_ends, v_end_kinds) e(t, kind);
    select array_agg(q.step_id) into v_undo from queue q where q.step_id = any(v_claimed || v_again) and q.task_id = any(v_halted);
    if v_undo is not null then
      update queue set owner = null, attempts = attempts - 1 where step_id = any(v_undo);
      v_claimed := array(select c from unnest(v_claimed) c where not c = any(v_undo));
      v_again := array(select c from unnest(v_again) c where not c = any(v_undo));
    end if;
    with open as materialized (
      select q.step_id, q.task_id, q.lane, q.rank
      from tasker_workflow_steps s join queue q on q.step_id = any(array[s.workflow_step_id])
      where s.task_id = any(v_halted) and q.owner is null and q.unmet = 0 and not q.dead
    ), out_of_line as (
      delete from ready r using (
        select r.ctid as place, o.task_id from open o join ready r on r.lane = any(array[o.lane]) and r.rank = o.rank and r.step_id = o.step_id
        for update of r skip locked) f
      where r.ctid = f.place returning f.task_id
    ), out_of_wait as (
      delete from later l using (
        select l.ctid as place, o.task_id from open o join later l on l.lane = any(array[o.lane]) and l.wake_at = o.rank and l.step_id = o.step_id
        for update of l skip locked) f
      where l.ctid = f.place returning f.task_id
    ), gone as (
      select task_id, count(*)::int as alive, sum(waits)::int as waiting from (
        select task_id, 0 from out_of_line
        union all select task_id, 1 from out_of_wait
        union all select t, 1 from unnest(v_err_tasks, v_err_kinds) e(t, kind) where kind = 'r' and t = any(v_halted)
        union all select q.task_id, 0 from queue q where q.step_id = any(v_undo)
      ) x(task_id, waits) group by task_id order by task_id
    )
    update task t set alive = t.alive - g.alive, waiting = t.waiting - g.waiting from gone g where t.task_id = any(array[g.task_id]);
    -- What still stands in the line or waits is being taken or woken by somebody at this moment.
    with ends as (
      update task set running = false, ended = true, verdict = 'f' where task_id = any(v_halted) and alive = 0 returning task_id
    )
    select v_ends || array_agg(task_id), v_end_kinds || array_agg('f'::"char") into v_ends, v_end_kinds from ends;
    -- what failed just now will not be tried again
    v_err_kinds := array(select case when kind = 'r' and t = any(v_halted) then 'q' else kind end from unnest(v_err_tasks, v_err_kinds) with ordinality e(t, kind, place) order by place);
  end if;

  -- The line is claimed last: its locks are never waited for. Where somebody holds rows for long, more is taken than is
  -- wanted, and what is held goes back.
  v_left := greatest(p_want - cardinality(v_claimed) - cardinality(v_again), 0);
  if cardinality(v_new) > 0 then
    v_lanes := v_lanes || array(select -t from unnest(v_new, v_new_places) n(t, place) where p_reserved[place]);
  end if;
  -- Often nobody stands there.
  select exists (select from ready where lane = any(v_lanes)), exists (select from later where lane = any(v_lanes)) into v_stands, v_waits;
  if v_stands or v_waits then
    -- As an array it is looked for once; as a table to join with, a nested loop may look again and take more each time.
    with taken as (
      delete from ready r where r.ctid = any(array(
        select f.place
        from (
          select x.lane
          from unnest(v_lanes) with ordinality x(lane, place)
          cross join lateral (select rank from ready where ready.lane = x.lane order by rank limit 1) head
          order by case when p_fair then x.place else 0 end, head.rank) x
        cross join lateral (
          select ctid as place from ready where ready.lane = x.lane order by rank limit v_left for update skip locked) f
        limit v_left * (1 + 7 * p_careful::int)))
      returning r.step_id
    )
    select array(select step_id from taken),
      (select min(l.first) from unnest(v_lanes) x(lane)
        cross join lateral (select min(wake_at) as first from later where later.lane = x.lane) l)
    into v_taken, v_next_due;
  end if;
  if v_left > 0 then
    if p_task is not null and cardinality(v_taken) < v_left then
      with own as materialized (
        select q.step_id, q.lane, q.rank from tasker_workflow_steps s join queue q on q.step_id = any(array[s.workflow_step_id])
        where s.task_id = p_task and q.owner is null and q.unmet = 0 and not q.dead and q.lane = any(v_served)
      ), taken as (
        delete from ready r where r.ctid = any(array(
          select r.ctid from own o join ready r on r.lane = any(array[o.lane]) and r.rank = o.rank and r.step_id = o.step_id
          order by o.rank limit v_left for update of r skip locked))
        returning r.step_id
      )
      select v_taken || coalesce(array_agg(step_id), '{}') into v_taken from taken;
    end if;
    if p_careful and cardinality(v_taken) > 0 then
      v_changed := array(select distinct q.task_id from queue q
        where q.step_id = any(v_taken) and not exists (select from tasker_workflow_steps s where s.workflow_step_id = any(array[q.step_id])));
      if cardinality(v_changed) > 0 then
        -- What stands in line for a step that is deleted would stand there for ever.
        perform changed_tasks_1(v_changed);
      end if;
      v_free := array(select s.workflow_step_id from tasker_workflow_steps s where s.workflow_step_id = any(v_taken) for key share skip locked);
      v_free := array(select s.workflow_step_id from tasker_workflow_steps s
        where s.workflow_step_id = any(v_free) and s.task_id = any(array(
          select t.task_id from tasker_tasks t
          where t.task_id = any(array(select x.task_id from tasker_workflow_steps x where x.workflow_step_id = any(v_free)))
          for key share skip locked))
        order by s.workflow_step_id limit v_left);
      insert into ready (lane, rank, step_id)
      select q.lane, q.rank, q.step_id from queue q where q.step_id = any(v_taken) and not q.step_id = any(v_free);
      v_taken := v_free;
    end if;
  end if;
  if p_task is not null then
    select least(v_next_due, min(q.rank)) into v_next_due
    from tasker_workflow_steps s join queue q on q.step_id = any(array[s.workflow_step_id])
    where s.task_id = p_task and q.owner is null and q.unmet = 0 and not q.dead and q.lane = any(v_served)
      and exists (select from later l where l.lane = any(array[q.lane]) and l.wake_at = q.rank and l.step_id = any(array[q.step_id]));
  end if;

  if cardinality(v_taken) > 0 then
    with mine as (
      update queue q set owner = p_worker, call = p_call, token = q.token + 1, attempts = q.attempts + 1
      where q.step_id = any(v_taken) returning q.step_id, q.task_id, q.token
    )
    select v_claimed || coalesce(array_agg(step_id) filter (where token = 1), '{}'),
      v_again || coalesce(array_agg(step_id) filter (where token > 1), '{}'), coalesce(array_agg(task_id), '{}')
    into v_claimed, v_again, v_claim_tasks from mine;
  end if;

  if cardinality(v_claim_tasks) > 0 then
    with starting as (
      update task t set running = true, last_at = greatest(t.last_at, coalesce(p_now, clock_timestamp()))
      from (select distinct x as task_id from unnest(v_claim_tasks) x order by 1) c
      where t.task_id = any(array[c.task_id]) and not t.running
      returning t.task_id, t.last_at
    )
    select array_agg(task_id), greatest(v_last, max(last_at)) into v_started, v_last from starting;
    -- A clock that was set back must not let a step begin before its parents ended.
    select greatest(v_last, max(t.last_at)) into v_last from task t where t.task_id = any(v_claim_tasks);
  end if;
  -- B. The record. Its instant is read only now, with every lock held: a child's start is never written before its
  -- parent's end, and no row is written below the newest one of its task. A claim from the line leaves no instant in
  -- the task's counters, so a step's own history is looked at as well: the clock may have been set back since.
  v_instant := coalesce(p_now, clock_timestamp());
  v_at := v_instant at time zone 'UTC';
  v_ahead := coalesce(v_last > v_instant, false);
  if v_ahead then
    -- The clock was set back, or somebody whose clock is wrong wrote a row: counters may lag behind the rows, whose instant
    -- is read after theirs. The rows themselves are looked at, each task by itself: one that is ahead leads no other astray.
    update task t set last_at = greatest(t.last_at, c.newest, v_instant)
    from (
      select s.task_id, max(x.created_at) at time zone 'UTC' as newest
      from tasker_workflow_steps s join tasker_workflow_step_transitions x
        on x.workflow_step_id = any(array[s.workflow_step_id]) and x.most_recent = (s.workflow_step_id is not null)
      where s.task_id = any(v_known || v_moved || v_claim_tasks)
      group by s.task_id order by s.task_id) c
    where t.task_id = any(array[c.task_id]);
  end if;

  if p_careful and cardinality(v_claimed) > 0 then
    -- Others may have begun such a step themselves; then the rows that follow would violate a unique index.
    v_changed := array(select t.workflow_step_id from tasker_workflow_step_transitions t
      where t.workflow_step_id = any(v_claimed) and (t.most_recent or t.sort_key = 10));
    if cardinality(v_changed) > 0 then
      perform changed_1(v_changed);
    end if;
  end if;
  if v_done is not null or cardinality(v_claimed) > 0 then
    with flipped as (
      update tasker_workflow_step_transitions t set most_recent = false, updated_at = v_at
      from unnest(v_done, v_done_attempts) d(step_id, attempts)
      where t.workflow_step_id = any(array[d.step_id]) and t.most_recent = (d.step_id is not null)
      returning t.workflow_step_id, t.sort_key, t.to_state, d.attempts, greatest(case when v_ahead then step_instant_1(t.workflow_step_id, v_at) else v_at end, t.created_at) as at
    ), rows as (
      update tasker_workflow_steps s set processed = true, in_process = false, processed_at = v_at, results = d.result,
        attempts = d.attempts, last_attempted_at = v_at, backoff_request_seconds = null, updated_at = v_at
      from unnest(v_done, v_done_attempts, v_done_results) d(step_id, attempts, result) where s.workflow_step_id = any(array[d.step_id])
    )
    insert into tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
    select 'complete', case when to_state = 'in_progress' and sort_key < c_last_sort then to_state else changed_1(array[workflow_step_id]) end, case attempts when 1 then v_first else v_by || jsonb_build_object('attempt', attempts) end, sort_key + 10, true, workflow_step_id, at, at from flipped
    union all
    select 'in_progress', 'pending', v_first, 10, true, step_id, at, at
    from (select c as step_id, case when v_ahead then step_instant_1(c, v_at) else v_at end as at from unnest(v_claimed) c) c;
    get diagnostics v_rows = row_count;
    if v_rows <> coalesce(cardinality(v_done), 0) + cardinality(v_claimed) then
      -- Their queue rows are gone, and the record may not know them any more.
      v_changed := array(select distinct d.task_id from unnest(v_done, v_known) d(step_id, task_id)
        where not exists (select from tasker_workflow_step_transitions t
          where t.workflow_step_id = d.step_id and t.most_recent = (d.step_id is not null) and t.metadata->>'worker' = p_label and t.created_at >= v_at));
      perform changed_tasks_1(v_changed);
    end if;
  end if;

  if v_err is not null then
    with flipped as (
      update tasker_workflow_step_transitions t set most_recent = false, updated_at = v_at
      from unnest(v_err, v_err_attempts, v_err_results, v_err_notes) d(step_id, attempts, result, note)
      where t.workflow_step_id = any(array[d.step_id]) and t.most_recent = (d.step_id is not null)
      returning t.workflow_step_id, t.sort_key, t.to_state, d.attempts, d.result, d.note, greatest(case when v_ahead then step_instant_1(t.workflow_step_id, v_at) else v_at end, t.created_at) as at
    ), rows as (
      update tasker_workflow_steps s set processed = false, in_process = false,
        results = case when jsonb_typeof(s.results) = 'object' then s.results else '{}' end || d.result,
        retryable = s.retryable and d.kind <> 'p', attempts = d.attempts, last_attempted_at = v_at,
        backoff_request_seconds = d.asked, updated_at = v_at
      from unnest(v_err, v_err_attempts, v_err_results, v_err_kinds, v_err_asked) d(step_id, attempts, result, kind, asked)
      where s.workflow_step_id = any(array[d.step_id])
    )
    insert into tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
    select 'error', case when to_state = 'in_progress' and sort_key < c_last_sort then to_state else changed_1(array[workflow_step_id]) end, jsonb_strip_nulls(jsonb_build_object('worker', p_label, 'attempt', attempts, 'error', left(result->>'error', 500), 'reason', note)),
      sort_key + 10, true, workflow_step_id, at, at
    from flipped;

    with waits as (
      update queue q set rank = v_instant + make_interval(secs => e.wait)
      from unnest(v_err, v_err_kinds, v_err_waits) e(step_id, kind, wait)
      where e.kind = 'r' and q.step_id = any(array[e.step_id])
      returning q.lane, q.rank, q.step_id
    ), line as (
      insert into later (lane, wake_at, step_id) select lane, rank, step_id from waits
    )
    select min(rank) filter (where lane = any(v_served)) into v_first_wait from waits;
  end if;

  if v_back is not null then
    with flipped as (
      update tasker_workflow_step_transitions t set most_recent = false, updated_at = v_at
      from unnest(v_back, v_back_attempts, v_back_notes) d(step_id, attempts, note)
      where t.workflow_step_id = any(array[d.step_id]) and t.most_recent = (d.step_id is not null)
      returning t.workflow_step_id, t.sort_key, t.to_state, d.attempts, d.note, greatest(case when v_ahead then step_instant_1(t.workflow_step_id, v_at) else v_at end, t.created_at) as at
    )
    insert into tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
    select s.state, case s.state when 'error' then case when f.to_state = 'in_progress' and f.sort_key < c_last_sort then f.to_state else changed_1(array[f.workflow_step_id]) end else 'error' end,
      jsonb_strip_nulls(jsonb_build_object('worker', p_label, 'attempt', f.attempts, 'reason', f.note)),
      f.sort_key + s.k, s.state = 'pending', f.workflow_step_id, f.at, f.at
    from flipped f, (values ('error', 10), ('pending', 20)) s(state, k);
  end if;

  if cardinality(v_again) > 0 then
    -- from error by way of pending (R-11); from pending, after a hand-back, at once
    with flipped as (
      update tasker_workflow_step_transitions t set most_recent = false, updated_at = v_at
      where t.workflow_step_id = any(v_again) and t.most_recent and t.to_state in ('error', 'pending') and t.sort_key < c_last_sort
      returning t.workflow_step_id, t.sort_key, t.to_state, greatest(case when v_ahead then step_instant_1(t.workflow_step_id, v_at) else v_at end, t.created_at) as at
    ), rows as (
      select f.workflow_step_id, f.sort_key, f.to_state, f.at, q.attempts from flipped f join queue q on q.step_id = any(array[f.workflow_step_id])
    )
    insert into tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
    select 'pending', to_state, jsonb_build_object('worker', p_label, 'attempt', attempts), sort_key + 10, false, workflow_step_id, at, at
    from rows where to_state <> 'pending'
    union all
    select 'in_progress', 'pending', jsonb_build_object('worker', p_label, 'attempt', attempts),
      sort_key + case when to_state = 'pending' then 10 else 20 end, true, workflow_step_id, at, at
    from rows;
    v_changed := array(select x from unnest(v_again) x
      where not exists (select from tasker_workflow_step_transitions t
        where t.workflow_step_id = x and t.most_recent = (x is not null) and t.to_state = 'in_progress' and t.metadata->>'worker' = p_label));
    if cardinality(v_changed) > 0 then
      perform changed_1(v_changed);
    end if;
    v_claimed := v_claimed || v_again;
  end if;

  if v_started is not null then
    with flipped as (
      update tasker_task_transitions t set most_recent = false, updated_at = v_at
      where t.task_id = any(v_started) and t.most_recent and t.to_state = 'pending' and t.sort_key < c_last_sort
      returning t.task_id, t.sort_key, t.to_state
    ), starts as (
      select task_id, sort_key, to_state, case when v_ahead then task_instant_1(task_id, v_at) else v_at end as at from flipped
      union all
      select x, 0, 'pending', case when v_ahead then task_instant_1(x, v_at) else v_at end from unnest(v_started) x
      where not exists (select from tasker_task_transitions t where t.task_id = x and t.most_recent)
    )
    insert into tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
    select 'in_progress', s.to_state,
      jsonb_build_object('initialization_completed', true, 'step_dependencies_established', d.steps, 'worker', p_label),
      -- the second instant is the call's own, by which its starts are found
      s.sort_key + 10, true, s.task_id, s.at, v_at
    from starts s join task t on t.task_id = any(array[s.task_id]) join definition d on d.definition_id = any(array[t.definition_id])
    order by s.task_id
    on conflict do nothing;
    get diagnostics v_rows = row_count;
    if v_rows <> cardinality(v_started) then
      v_changed := array(select x from unnest(v_started) x
        where not exists (select from tasker_task_transitions t
          where t.task_id = x and t.most_recent = (x is not null) and t.to_state = 'in_progress' and t.created_at >= v_at));
      perform changed_tasks_1(v_changed);
    end if;
  end if;

  if 'f' = any(v_end_kinds) then
    v_failed := array(select t from unnest(v_ends, v_end_kinds) e(t, kind) where kind = 'f');
    select jsonb_object_agg(f.task_id::text, f.names) into v_holders from (
      select s.task_id, jsonb_agg(ns.name order by s.workflow_step_id) as names
      from tasker_workflow_steps s join queue q on q.step_id = any(array[s.workflow_step_id]) and q.dead
      join tasker_named_steps ns on ns.named_step_id = any(array[s.named_step_id])
      where s.task_id = any(v_failed)
      group by s.task_id) f;
  end if;
  if v_ends is not null then
    with flipped as (
      update tasker_task_transitions t set most_recent = false, updated_at = v_at
      from unnest(v_ends, v_end_kinds) e(task_id, kind)
      where t.task_id = any(array[e.task_id]) and t.most_recent = (e.task_id is not null) and t.to_state = 'in_progress' and t.sort_key < c_last_sort
      returning t.task_id, t.sort_key, e.kind, case when v_ahead then task_instant_1(t.task_id, v_at) else v_at end as at
    ), done as (
      update tasker_tasks t set complete = true, updated_at = v_at
      from unnest(v_ends, v_end_kinds) e(task_id, kind) where e.kind = 'c' and t.task_id = any(array[e.task_id])
    )
    insert into tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
    select case kind when 'c' then 'complete' when 'f' then 'error' else 'pending' end, 'in_progress',
      case kind when 'f' then v_by || jsonb_build_object('held_by', coalesce(v_holders->(task_id::text), '[]')) else v_by end,
      sort_key + 10, true, task_id, at, at
    from flipped;
    get diagnostics v_rows = row_count;
    if v_rows <> cardinality(v_ends) then
      v_changed := array(select x from unnest(v_ends) x
        where not exists (select from tasker_task_transitions t
          where t.task_id = x and t.most_recent = (x is not null) and t.from_state = 'in_progress' and t.created_at >= v_at and t.metadata->>'worker' = p_label));
      perform changed_tasks_1(v_changed);
    end if;
    if v_failed is not null then
      delete from queue q using tasker_workflow_steps s where s.task_id = any(v_failed) and q.step_id = any(array[s.workflow_step_id]);
    end if;
  end if;

  if v_lined and exists (select from worker where asleep and not lost and worker_id <> p_worker) then
    perform pg_notify('tasker_engine', '');
  end if;
  if p_sleep and cardinality(v_claimed) = 0 and not v_asleep then
    update worker set asleep = true where worker_id = p_worker;
  elsif v_asleep and cardinality(v_claimed) > 0 then
    update worker set asleep = false where worker_id = p_worker;
  end if;

  v_claimed := v_claimed || v_repeated;

  -- C. What the worker learns; by arrays, because a join by `in (select …)` has a ruinous plan when statistics are stale.
  if cardinality(v_claimed) > 0 then
    select array_agg(e.from_step_id), sum(octet_length(x.results::text)) into v_parents, v_size
    from (
      select distinct from_step_id + 0 as from_step_id from tasker_workflow_step_edges
      where to_step_id = any(v_claimed) and not from_step_id = any(coalesce(v_done, '{}'))) e
    join tasker_workflow_steps x on x.workflow_step_id = any(array[e.from_step_id]);
    if v_size > 262144 then
      -- Too much to send along: each step's smallest parents, up to 256 KiB a step; the others are fetched on demand.
      v_parents := smallest_parents_1(v_claimed, coalesce(v_done, '{}'), 262144);
    end if;
  end if;
  -- What is only an id is told row by row: as branches of one query, each would be set up in every call.
  kind := 'i'; at := v_instant; return next;
  at := least(v_next_due, v_first_wait);
  if at < '10000-01-01' then
    at := greatest(at, 'epoch'); kind := 'w'; return next;
  end if;
  at := null;
  if v_stale then
    kind := 'v'; return next;
  end if;
  kind := 'n';
  for v_place in 1 .. coalesce(cardinality(v_new), 0) loop
    a := v_new[v_place]; m := v_new_places[v_place]; return next;
  end loop;
  kind := 'd';
  for v_place in 1 .. coalesce(cardinality(v_old), 0) loop
    a := v_old[v_place]; m := v_old_places[v_place]; return next;
  end loop;
  m := null;
  for v_place in 1 .. coalesce(cardinality(v_ends), 0) loop
    kind := v_end_kinds[v_place]; a := v_ends[v_place]; return next;
  end loop;
  kind := 'h';
  foreach a in array coalesce(v_halted, '{}') loop return next; end loop;
  kind := 'l';
  foreach a in array v_held loop return next; end loop;
  if cardinality(p_steps) > coalesce(cardinality(v_done), 0) + coalesce(cardinality(v_err), 0) + coalesce(cardinality(v_back), 0) then
    foreach a in array p_steps loop
      if not a = any(coalesce(v_done, '{}') || coalesce(v_err, '{}') || coalesce(v_back, '{}')) then
        kind := case when a = any(v_recorded) then 'y' else 'x' end;
        return next;
      end if;
    end loop;
  end if;
  if cardinality(v_recorded) > 0 then
    -- ends that an earlier try of this call wrote
    return query
      select case when t.complete then 'c' else 'f' end::"char", t.task_id, null::bigint, null::int, null::int, null::int, null::int,
        null::timestamptz, null::jsonb
      from tasker_tasks t where t.task_id = any(array(
        select l.task_id from task l where l.ended and l.task_id = any(array(
          select s.task_id from tasker_workflow_steps s where s.workflow_step_id = any(v_recorded)))));
  end if;
  if v_parents is not null then
    return query
      select 'r'::"char", x.workflow_step_id, x.task_id, null::int, x.named_step_id, null::int, null::int, null::timestamptz, x.results
      from tasker_workflow_steps x where x.workflow_step_id = any(v_parents);
  end if;
  if cardinality(v_taken) + cardinality(v_repeated) > 0 then
    return query
      select 't'::"char", l.definition_id, t.task_id, null::int, null::int, null::int, null::int, null::timestamptz, t.context
      from (
        select q.task_id from queue q where q.step_id = any(v_taken || v_repeated)
        except select unnest(v_known || v_new)) x
      join tasker_tasks t on t.task_id = any(array[x.task_id]) join task l on l.task_id = any(array[t.task_id]);
  end if;
  if cardinality(v_claimed) > 0 then
    return query
      select 's'::"char", q.step_id, q.task_id, q.token, q.ix, q.attempts, q.attempts_allowed, null::timestamptz,
        case when q.token > 1 then (select x.results from tasker_workflow_steps x where x.workflow_step_id = any(array[q.step_id])) end
      from queue q where q.step_id = any(v_claimed);
  end if;
end $$;
