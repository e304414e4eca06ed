-- Order of locks, everywhere: jobs by queue and key, then bells by queue. Nobody waits for a job but who puts one of the same
-- key in.

-- Wakes who sleeps at one of these queues. The last thing that a call does, as it may wait for another's.
create function tasker_engine.ring_1(p_queues text[]) returns void
language plpgsql
set search_path = tasker_engine, public, pg_temp
as $$
begin
  if exists (select from job_bell b where b.queue = any(p_queues) and b.asleep) then
    perform from job_bell b where b.queue = any(p_queues) and b.asleep order by b.queue for update;
    if found then
      update job_bell b set asleep = false where b.queue = any(p_queues) and b.asleep;
      perform pg_notify('tasker_engine_jobs', '');
    end if;
  end if;
end $$;

-- Lets jobs wait: in place n the job of task p_tasks[n] in queue p_queues[n], from p_ats[n] on, or p_waits[n] seconds from
-- now, or now. One row comes back for each place:
--   n  it waits
--   e  one of its key waited already and has been brought forward: to the earlier instant, the higher priority
--   w  one of its key waited already, for no later and no less: nothing was done
--   x  its key waits for another task: nothing was done
create function tasker_engine.enqueue_jobs_1(p_queues text[], p_tasks bigint[], p_priorities integer[], p_keys text[],
  p_ats timestamptz[], p_waits float8[], p_now timestamptz)
returns table (place integer, outcome "char")
language plpgsql
set search_path = tasker_engine, public, pg_temp
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_now timestamptz := coalesce(p_now, clock_timestamp());
  v_job record; v_due timestamptz; v_fresh boolean; v_rung text[] := '{}';
begin
  for v_job in
    select a.queue, a.task_id, a.priority, a.unique_key, a.at, a.wait, a.place::integer as place
    from unnest(p_queues, p_tasks, p_priorities, p_keys, p_ats, p_waits) with ordinality
      a(queue, task_id, priority, unique_key, at, wait, place)
    order by a.queue, a.unique_key, a.place
  loop
    v_due := coalesce(v_job.at, v_now + coalesce(v_job.wait, 0) * interval '1 second');
    -- A row that was only updated bears the mark of whoever locked it to that end.
    insert into job as j (queue, task_id, priority, unique_key, due_at, rank, in_line)
    values (v_job.queue, v_job.task_id, v_job.priority, v_job.unique_key, v_due, v_due - v_job.priority * interval '1 minute', v_due <= v_now)
    on conflict (queue, unique_key) where unique_key is not null and taken_until is null do update
    set priority = greatest(j.priority, excluded.priority), due_at = least(j.due_at, excluded.due_at),
      rank = least(j.due_at, excluded.due_at) - greatest(j.priority, excluded.priority) * interval '1 minute',
      in_line = j.in_line or excluded.in_line
    where j.task_id = excluded.task_id and (excluded.due_at < j.due_at or excluded.priority > j.priority)
    returning xmax = 0 into v_fresh;
    place := v_job.place;
    if v_fresh is not null then
      outcome := case when v_fresh then 'n' else 'e' end;
      if v_due <= v_now then
        v_rung := v_rung || v_job.queue;
      end if;
    else
      -- The refused insertion holds the lock of the row that stood in its way.
      outcome := case when exists (
        select from job j where j.queue = v_job.queue and j.unique_key = v_job.unique_key and j.taken_until is null and j.task_id = v_job.task_id)
        then 'w' else 'x' end;
    end if;
    return next;
  end loop;
  perform ring_1(v_rung);
end $$;

-- Lets a job that was taken wait again, if this was the newest time that it was taken. Where another of its key has come
-- meanwhile, one remains: with the earlier instant and the higher priority. Where that one is another task's, both wait. Returns the job's
-- queue; null where nothing was done.
create function tasker_engine.rejoin_job_1(p_job bigint, p_delivery integer, p_due timestamptz, p_now timestamptz) returns text
language plpgsql
set search_path = tasker_engine, public, pg_temp
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_job job%rowtype; v_id bigint;
begin
  delete from job where job_id = p_job and deliveries = p_delivery and taken_until is not null returning * into v_job;
  if not found then
    return null;
  end if;
  loop
    insert into job as j (queue, task_id, priority, unique_key, due_at, rank, in_line, deliveries)
    values (v_job.queue, v_job.task_id, v_job.priority, v_job.unique_key, p_due, p_due - v_job.priority * interval '1 minute', p_due <= p_now,
      v_job.deliveries)
    on conflict (queue, unique_key) where unique_key is not null and taken_until is null do update
    set priority = greatest(j.priority, excluded.priority), due_at = least(j.due_at, excluded.due_at),
      rank = least(j.due_at, excluded.due_at) - greatest(j.priority, excluded.priority) * interval '1 minute',
      in_line = j.in_line or excluded.in_line, deliveries = greatest(j.deliveries, excluded.deliveries)
    where j.task_id = excluded.task_id
    returning job_id into v_id;
    exit when v_id is not null;
    v_job.unique_key := null;
  end loop;
  return v_job.queue;
end $$;

-- The same for whoever gives a job back: who sleeps at its queue is notified where it is due.
create function tasker_engine.put_back_job_1(p_job bigint, p_delivery integer, p_due timestamptz, p_now timestamptz) returns boolean
language plpgsql
set search_path = tasker_engine, public, pg_temp
as $$
declare
  v_queue text := rejoin_job_1(p_job, p_delivery, p_due, p_now);
begin
  if v_queue is not null and p_due <= p_now then
    perform ring_1(array[v_queue]);
  end if;
  return v_queue is not null;
end $$;

-- Takes up to p_most jobs that are due from these queues, those first that stand first in the line, for p_lease seconds.
-- What others took for a time that is over joins the line before. With p_sleep, who finds nothing is notified of the next
-- job that somebody puts into the line; of what joins it because its instant has come they know when to look.
--
-- Rows that come back: j for a job that was taken; one w: at = when something will happen by itself (a job is due, a lease
-- is over), null for nothing, now = the instant of this call.
create function tasker_engine.take_jobs_1(p_queues text[], p_most integer, p_lease float8, p_sleep boolean, p_now timestamptz)
returns table (kind "char", job_id bigint, queue text, task_id bigint, priority integer, unique_key text, deliveries integer,
  at timestamptz, now timestamptz)
language plpgsql
set search_path = tasker_engine, public, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_now timestamptz := coalesce(p_now, clock_timestamp());
  v_over record; v_taken bigint[];
begin
  for v_over in
    select o.* from (
      select j.job_id, j.deliveries, j.due_at, j.queue, j.unique_key from job j where j.taken_until <= v_now
      order by j.taken_until limit 100 for update skip locked) o
    order by o.queue, o.unique_key, o.job_id
  loop
    perform rejoin_job_1(v_over.job_id, v_over.deliveries, least(v_over.due_at, v_now), v_now);
  end loop;

  -- After an outage a great many may be due: those that stay behind join with the next call.
  if exists (select from job j where not j.in_line and j.taken_until is null and j.due_at <= v_now) then
    update job j set in_line = true where j.job_id = any(array(
      select l.job_id from job l where not l.in_line and l.taken_until is null and l.due_at <= v_now
      order by l.due_at limit greatest(10000, p_most) for update skip locked));
  end if;

  v_taken := array(
    select h.job_id from (select distinct unnest(p_queues) as queue) q
    cross join lateral (
      select l.job_id, l.rank from job l where l.queue = q.queue and l.in_line and l.taken_until is null
      order by l.rank, l.job_id limit p_most for update skip locked) h
    order by h.rank, h.job_id limit p_most);
  return query
    with taken as (
      update job j set taken_until = v_now + p_lease * interval '1 second', deliveries = j.deliveries + 1
      where j.job_id = any(v_taken)
      returning j.job_id, j.queue, j.task_id, j.priority, j.unique_key, j.deliveries, j.due_at, j.rank
    )
    select 'j'::"char", t.job_id, t.queue, t.task_id, t.priority, t.unique_key, t.deliveries, t.due_at, v_now
    from taken t order by t.rank, t.job_id;
  return query
    select 'w'::"char", null::bigint, null::text, null::bigint, null::integer, null::text, null::integer, least(
      (select j.due_at from job j where not j.in_line and j.taken_until is null order by j.due_at limit 1),
      (select j.taken_until from job j where j.taken_until is not null order by j.taken_until limit 1)), v_now;

  if p_sleep and cardinality(v_taken) = 0 and exists (
    select from unnest(p_queues) q(queue) where not exists (select from job_bell b where b.queue = q.queue and b.asleep)) then
    insert into job_bell as b (queue, asleep) select distinct q.queue, true from unnest(p_queues) q(queue) order by 1
    on conflict (queue) do update set asleep = true where not b.asleep;
  end if;
end $$;

-- A page of p_most steps that may be carried out now, behind the step p_step of rank p_rank in lane p_lane: of those that
-- stand in the line (p_line), or of those whose instant has passed. Each with its task, the task's priority, and whether
-- nothing has been written for the task for p_idle seconds, it is not left to who names it, and the step is of one of these
-- queues (all where p_queues is null) and neither its queue nor its type is paused.
create function tasker_engine.due_steps_1(p_line boolean, p_lane bigint, p_rank timestamptz, p_step bigint, p_most integer,
  p_idle float8, p_queues text[], p_now timestamptz)
returns table (lane bigint, rank timestamptz, step_id bigint, task_id bigint, priority integer, idle boolean)
language plpgsql stable
set search_path = tasker_engine, public, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_until timestamptz := coalesce(p_now, clock_timestamp()) - p_idle * interval '1 second';
  v_lanes bigint[] := '{}'; v_ranks timestamptz[] := '{}'; v_steps bigint[] := '{}'; v_lane bigint;
  v_paused bigint[] := '{}';
begin
  -- Mostly nothing is.
  if exists (select from pause) then
    v_paused := array(
      select l.lane_id from lane l
      join tasker_named_tasks t on t.named_task_id = l.named_task_id
      join tasker_task_namespaces n on n.task_namespace_id = t.task_namespace_id
      where exists (select from pause p
        where p.scope = 'queue' and p.name = l.queue or p.scope = 'type' and p.name = n.name || '/' || t.name));
  end if;
  if p_line then
    select array_agg(r.lane), array_agg(r.rank), array_agg(r.step_id) into v_lanes, v_ranks, v_steps from (
      select x.lane, x.rank, x.step_id from ready x
      where x.lane > 0 and (x.lane, x.rank) >= (p_lane, p_rank) and (x.lane, x.rank, x.step_id) > (p_lane, p_rank, p_step)
      order by x.lane, x.rank, x.step_id limit p_most) r;
  else
    -- Lane by lane: what waits for longer than until now is passed over within each.
    for v_lane in select l.lane_id from lane l where l.lane_id >= p_lane order by l.lane_id loop
      select v_lanes || array_agg(v_lane), v_ranks || array_agg(r.wake_at), v_steps || array_agg(r.step_id)
      into v_lanes, v_ranks, v_steps from (
        select x.wake_at, x.step_id from later x
        where x.lane = v_lane and x.wake_at <= v_until and (v_lane > p_lane or (x.wake_at, x.step_id) > (p_rank, p_step))
        order by x.wake_at, x.step_id limit p_most - cardinality(v_steps)) r;
      exit when cardinality(v_steps) >= p_most;
    end loop;
  end if;
  return query
    select p.lane, p.rank, p.step_id, q.task_id, e.priority, coalesce(not e.ended and not e.reserved and e.last_at <= v_until
      and not p.lane = any(v_paused) and (p_queues is null or exists (select from lane l where l.lane_id = p.lane and l.queue = any(p_queues))), false)
    from unnest(v_lanes, v_ranks, v_steps) with ordinality p(lane, rank, step_id, place)
    left join queue q on q.step_id = p.step_id
    left join task e on e.task_id = q.task_id
    order by p.place;
end $$;
