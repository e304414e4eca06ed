-- Writes queue rows, places in the line and counters of the tasks $1 anew from the record; the caller holds the locks of
-- all that stands there. $2: the name of the worker that unclaimed attempts are put to.
--
-- One row a task: stalled = nothing of it can run and yet it has not ended; unfit = its steps are not those of its
-- definition, or a state is none that we know: it was left as it is.
with asked as materialized (
  select e.task_id, e.definition_id, e.reserved, e.priority, e.paused is not null as paused, e.not_before, d.fail_fast, t.created_at, coalesce(x.to_state, 'pending') as state,
    coalesce(x.to_state, 'pending') not in ('pending', 'in_progress') as at_rest,
    (select max(y.created_at) from public.tasker_task_transitions y where y.task_id = e.task_id) as last_at,
    -- names that are written with escapes are left out: what jsonb refuses must not stop a rebuild
    case when t.bypass_steps::text ~ '^\s*\[\s*"' and t.bypass_steps::text !~ '\\u' then t.bypass_steps::jsonb end as bypassed
  from tasker_engine.task e
  join tasker_engine.definition d on d.definition_id = e.definition_id
  join public.tasker_tasks t on t.task_id = e.task_id
  left join public.tasker_task_transitions x on x.task_id = e.task_id and x.most_recent
  where e.task_id = any($1)
), fact as materialized (
  select a.task_id, a.at_rest, s.workflow_step_id as step_id, f.ix, f.priority + a.priority as priority,
    f.deadline is not null as limited,
    -- the row's limit counts, which a person may have raised; a permanent error leaves a row that tells no limit (R-13, R-14)
    case when s.retryable then greatest(coalesce(s.retry_limit, 3), 1) else f.attempts_allowed end as attempts_allowed,
    case when a.paused then tasker_engine.paused_lane(a.task_id) when a.reserved then -a.task_id else f.lane_id end as lane,
    case when a.not_before > clock_timestamp() and h.begun = 0 and p.parents = 0 then a.not_before end as not_before,
    coalesce(c.to_state, 'pending') as state, coalesce(c.metadata ? 'worker', false) as ours, coalesce(s.retryable, true) as retryable,
    coalesce(h.begun, 0) as begun, coalesce(h.written, false) as written, h.last_at,
    -- a claim of a step that is passed over is attempt 0, however often it is claimed (R-18)
    case when a.bypassed is not null and s.skippable
        and exists (select from public.tasker_named_steps n where n.named_step_id = s.named_step_id and a.bypassed ? n.name)
      then (coalesce(c.to_state, 'pending') = 'in_progress')::int - 1
      else coalesce(h.begun, 0) - coalesce(h.returned, 0) end as attempts,
    coalesce(p.unmet, 0) as unmet,
    greatest(s.created_at, p.last_at) at time zone 'UTC' as ready_at,
    -- Rails' two clocks: neither may be ahead of its own rule (R-12)
    greatest(c.created_at + least(power(2::float8, least(coalesce(s.attempts, 1), 5)), 30) * interval '1 second',
      s.last_attempted_at + s.backoff_request_seconds * interval '1 second') at time zone 'UTC' as earliest,
    greatest(c.created_at + least(power(2::float8, least(coalesce(s.attempts, 1), 5)), 30) * interval '1.11 second',
      s.last_attempted_at + s.backoff_request_seconds * interval '1 second') at time zone 'UTC' as latest,
    coalesce(q.owner is null and q.unmet = 0 and not q.dead, false) as has_place, q.lane as old_lane, q.rank as old_rank, coalesce(q.token, 0) as old_token,
    -- a claim of a worker that is not in the list could never be taken over
    case when exists (select from tasker_engine.worker w where w.worker_id = q.owner) then q.owner end as owner
  from asked a
  join public.tasker_workflow_steps s on s.task_id = a.task_id
  left join tasker_engine.definition_step f on f.definition_id = a.definition_id and f.named_step_id = s.named_step_id
  left join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
  left join tasker_engine.queue q on q.step_id = s.workflow_step_id
  left join lateral (
    select count(*) filter (where y.to_state = 'in_progress')::int as begun,
      count(*) filter (where y.to_state = 'error' and y.metadata->>'reason' = 'handed_back')::int as returned,
      count(*) > 0 as written, max(y.created_at) as last_at
    from public.tasker_workflow_step_transitions y where y.workflow_step_id = s.workflow_step_id) h on true
  left join lateral (
    select count(*) as parents, count(*) filter (where coalesce(y.to_state, 'pending') not in ('complete', 'resolved_manually'))::int as unmet,
      max(y.created_at) as last_at
    from public.tasker_workflow_step_edges g
    left join public.tasker_workflow_step_transitions y on y.workflow_step_id = g.from_step_id and y.most_recent
    where g.to_step_id = s.workflow_step_id) p on true
), unfit as materialized (
  select distinct task_id from fact
  where ix is null or state not in ('pending', 'in_progress', 'complete', 'error', 'cancelled', 'resolved_manually')
), step as materialized (
  select f.*, case
      when f.state in ('complete', 'resolved_manually') then 'done'
      when f.state = 'cancelled' or f.state = 'error' and (not f.retryable or f.attempts >= f.attempts_allowed) then 'dead'
      when f.state = 'in_progress' and not f.ours then 'elsewhere'
      when f.state = 'in_progress' then 'claimed'
      when f.unmet > 0 then 'blocked'
      when f.state = 'error' or f.not_before is not null then 'waits'
      else 'ready' end as kind
  from fact f where not exists (select from unfit u where u.task_id = f.task_id)
), verdict as materialized (
  select a.task_id, a.fail_fast and coalesce(bool_or(s.kind = 'dead'), false) as halted,
    count(s.step_id) filter (where s.kind <> 'done')::int as remaining, max(s.last_at) as last_at
  from asked a left join step s on s.task_id = a.task_id
  where not exists (select from unfit u where u.task_id = a.task_id)
  group by a.task_id, a.fail_fast
), nobody as (
  -- An attempt that is under way and whose claim is lost is abandoned: it is put to a worker that is gone, from whom
  -- it is taken over like any other (R-31).
  insert into tasker_engine.worker (name, lease, seen_at, lost)
  select $2, interval '0', clock_timestamp(), true
  where exists (select from step where kind = 'claimed' and owner is null)
    and not exists (select from tasker_engine.worker where name = $2 and lost)
  returning worker_id
), gone as materialized (
  select worker_id from nobody
  union all
  select min(worker_id) from tasker_engine.worker where name = $2 and lost having count(*) > 0
), planned as materialized (
  select s.task_id, s.step_id, s.ix, s.limited, s.lane, s.priority, s.unmet, s.attempts, s.attempts_allowed, s.kind, v.halted,
    s.kind = 'dead' as dead,
    case when s.kind = 'claimed' then coalesce(s.owner, (select worker_id from gone)) end as owner,
    -- a step with a history of any kind is not claimed as one that has none
    -- and a claim that stays keeps its token: its worker knows it by that
    case when s.kind = 'claimed' and s.owner is not null then s.old_token
      else greatest(s.old_token, s.begun, s.written::int) + (s.kind = 'claimed')::int end as token,
    case when s.not_before is not null and s.kind = 'waits' then s.not_before
      when s.kind = 'waits' and s.old_rank between s.earliest and s.latest then s.old_rank
      when s.kind = 'waits' then s.earliest
      else s.ready_at - s.priority * interval '1 minute' end as rank
  from step s join verdict v on v.task_id = s.task_id
  where s.kind <> 'done' and (not s.at_rest or s.kind = 'claimed')
), removed as (
  delete from tasker_engine.queue q using step s
  where q.step_id = s.step_id and (s.kind = 'done' or s.at_rest and s.kind <> 'claimed')
), written as (
  insert into tasker_engine.queue (step_id, task_id, ix, lane, priority, unmet, rank, owner, call, token, attempts, attempts_allowed, dead)
  select step_id, task_id, ix, lane, priority, unmet, rank, owner, -(kind = 'elsewhere')::int, token, attempts, attempts_allowed, dead
  from planned order by step_id
  on conflict (step_id) do update set call = case when excluded.call < 0 then excluded.call else greatest(queue.call, 0) end, task_id = excluded.task_id, ix = excluded.ix, lane = excluded.lane,
    priority = excluded.priority, unmet = excluded.unmet, rank = excluded.rank, owner = excluded.owner,
    token = excluded.token, attempts = excluded.attempts, attempts_allowed = excluded.attempts_allowed, dead = excluded.dead
), limits as (
  -- Whoever looks next finds out when they pass. A row that stands is written as well: whoever looks at it now may be
  -- about to take it out, and is waited for.
  insert into tasker_engine.step_deadline (at, step_id)
  select '-infinity', step_id from planned where limited and not dead order by step_id
  on conflict (step_id) do update set at = excluded.at
), out_of_line as (
  delete from tasker_engine.ready r using step s
  where s.has_place and r.lane = s.old_lane and r.rank = s.old_rank and r.step_id = s.step_id
), out_of_wait as (
  delete from tasker_engine.later l using step s
  where s.has_place and l.lane = s.old_lane and l.wake_at = s.old_rank and l.step_id = s.step_id
), line as (
  insert into tasker_engine.ready (lane, rank, step_id)
  select lane, rank, step_id from planned where kind = 'ready' and not halted order by step_id
), waiting as (
  insert into tasker_engine.later (lane, wake_at, step_id)
  select lane, rank, step_id from planned where kind = 'waits' and not halted order by step_id
), counted as (
  select a.task_id, a.at_rest, a.state, a.fail_fast, v.halted,
    v.remaining,
    count(p.step_id) filter (where p.kind in ('claimed', 'elsewhere') or p.kind in ('ready', 'waits') and not v.halted)::int as alive,
    count(p.step_id) filter (where p.kind = 'waits' and not v.halted)::int as waiting,
    count(p.step_id)::int as queued,
    count(p.step_id) filter (where p.kind = 'claimed' and p.owner = (select worker_id from gone))::int as abandoned,
    count(p.step_id) filter (where p.kind = 'elsewhere')::int as elsewhere,
    greatest(a.created_at, a.last_at, v.last_at) at time zone 'UTC' as last_at
  from asked a join verdict v on v.task_id = a.task_id left join planned p on p.task_id = a.task_id
  group by a.task_id, a.at_rest, a.state, a.fail_fast, a.created_at, a.last_at, v.halted, v.remaining, v.last_at
), counters as (
  update tasker_engine.task e set remaining = c.remaining, alive = c.alive, waiting = c.waiting,
    running = c.state = 'in_progress', ended = c.at_rest, fail_fast = c.fail_fast, halted = c.halted, last_at = c.last_at
  from counted c where e.task_id = c.task_id
)
select a.task_id, u.task_id is not null as unfit, coalesce(not a.at_rest and c.alive = 0, false) as stalled,
  coalesce(c.queued, 0) as queued, coalesce(c.abandoned, 0) as abandoned, coalesce(c.elsewhere, 0) as elsewhere
from asked a
left join counted c on c.task_id = a.task_id
left join unfit u on u.task_id = a.task_id
order by a.task_id
