-- The definition by which a task that others created can be worked (R-34): the newest content that is registered for its
-- type, if the task's steps and edges are just those of it; otherwise null. A task that was written without any step
-- fits every definition: there is nothing to do (R-19).
create function tasker_engine.fitting_definition_1(p_task bigint) returns bigint
language sql stable
set search_path = tasker_engine, public, pg_temp
as $$
  with newest as materialized (
    select d.definition_id, d.steps from tasker_tasks t join definition d on d.named_task_id = t.named_task_id
    where t.task_id = p_task order by d.definition_id desc limit 1
  ), placed as materialized (
    select s.workflow_step_id as step_id, f.ix, coalesce(x.to_state, 'pending') as state
    from newest n join tasker_workflow_steps s on s.task_id = p_task
    left join definition_step f on f.definition_id = n.definition_id and f.named_step_id = s.named_step_id
    left join tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id and x.most_recent
  ), drawn as materialized (
    select distinct p.ix as to_ix, f.ix as from_ix
    from placed p join tasker_workflow_step_edges e on e.to_step_id = p.step_id left join placed f on f.step_id = e.from_step_id
  )
  select n.definition_id from newest n
  where not exists (select from placed)
    or (select count(*) = n.steps and count(distinct ix) = n.steps
          and bool_and(state in ('pending', 'in_progress', 'complete', 'error', 'cancelled', 'resolved_manually')) from placed)
      and not exists (select to_ix, from_ix from drawn except select to_ix, from_ix from definition_edge where definition_id = n.definition_id)
      and not exists (select to_ix, from_ix from definition_edge where definition_id = n.definition_id except select to_ix, from_ix from drawn)
$$;

-- What a worker looks for now and then on behalf of all, in one call, because an idle worker should ask little.
--
--   p_types    types of others' tasks that the caller adopts: `namespace/name`, `namespace/*`, `*`
--   p_settled  up to this id the caller has seen all tasks there will ever be, but for what the round finds
--   p_round    how far its round through all unfinished tasks has come
--   p_now      the instant by which deadlines pass
--
--   silent     some worker has not been heard of for its lease
--   overdue    some deadline has passed, or that of a step may have
--   adoptable  unfinished tasks of the types that have no side rows
--   front      the greatest id of a task that this look sees
--   oldest_xid, next_xid   the oldest transaction that this look finds under way, and the number that the next one will get. What a
--              later look sees for the first time below `front` was written by a transaction below `next_xid`, unless its id was
--              drawn before the transaction had a number; that one is found by the round
--   reached    how far the round is now; 0 when it is through
--   differ     tasks of ours among those of the round whose side rows say something else than the record
create function tasker_engine.look_around_1(p_types text[], p_settled bigint, p_round bigint, p_now timestamptz,
  out silent boolean, out overdue boolean, out adoptable bigint[], out front bigint, out oldest_xid bigint, out next_xid bigint,
  out reached bigint, out differ bigint[])
language plpgsql
set search_path = tasker_engine, public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_types integer[]; v_start bigint; v_batch bigint[]; v_odd bigint[];
begin
  oldest_xid := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  next_xid := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
  silent := exists (select from worker where lost or seen_at + lease < clock_timestamp());
  overdue := exists (select from deadline where at <= coalesce(p_now, clock_timestamp()))
    or exists (select from step_deadline where at <= coalesce(p_now, clock_timestamp()));

  -- The round: at most 50,000 ids, 500 unfinished tasks, and about 10,000 steps at a time.
  select task_id into v_start from tasker_tasks where task_id > p_round order by task_id limit 1;
  v_batch := array(
    select b.task_id from (
      select t.task_id, sum(coalesce(e.remaining, 1)) over (order by t.task_id) - coalesce(e.remaining, 1) as steps_before
      from (
        select task_id from tasker_tasks
        where task_id >= v_start and task_id < v_start + 50000 and complete = false
        order by task_id limit 500) t
      left join task e on e.task_id = t.task_id) b
    where b.steps_before < 10000 order by b.task_id);
  reached := case when v_start is null then 0 else v_start + 49999 end;
  if cardinality(v_batch) > 0 and exists (
    select from tasker_tasks where task_id > v_batch[cardinality(v_batch)] and task_id < v_start + 50000 and complete = false) then
    reached := v_batch[cardinality(v_batch)];
  end if;
  if not exists (select from tasker_tasks where task_id > reached) then
    reached := 0;
  end if;
  -- The side rows say something else than the record, or nothing of a task can run and yet it has not ended.
  v_odd := array(
    select s.task_id from tasker_workflow_steps s join queue q on q.step_id = s.workflow_step_id
    left join tasker_workflow_step_transitions y on y.workflow_step_id = s.workflow_step_id and y.most_recent = (s.workflow_step_id is not null)
    where s.task_id = any(v_batch) and case coalesce(y.to_state, 'pending')
      when 'in_progress' then q.owner is null and q.call >= 0
      when 'cancelled' then not q.dead
      when 'pending' then q.owner is not null or q.call < 0
      when 'error' then q.owner is not null or q.call < 0
      else true end);
  differ := array(
    select e.task_id from task e
    left join tasker_task_transitions x on x.task_id = e.task_id and x.most_recent = (e.task_id is not null)
    where e.task_id = any(v_batch) and not e.ended
      and (coalesce(x.to_state, 'pending') not in ('pending', 'in_progress') or e.running <> (coalesce(x.to_state, 'pending') = 'in_progress')
        or e.alive = 0 or e.task_id = any(v_odd))
    order by e.task_id);

  select coalesce(max(task_id), 0) into front from tasker_tasks;
  if cardinality(p_types) > 0 then
    v_types := array(
      select k.named_task_id from tasker_named_tasks k join tasker_task_namespaces n on n.task_namespace_id = k.task_namespace_id
      where array[n.name || '/' || k.name, n.name || '/*', '*'] && p_types
        and exists (select from definition d where d.named_task_id = k.named_task_id));
    adoptable := array(
      select t.task_id from (
        select task_id, named_task_id from tasker_tasks where task_id > p_settled and complete = false
        union
        select task_id, named_task_id from tasker_tasks where task_id = any(v_batch)) t
      where t.named_task_id = any(v_types)
        and not exists (select from task e where e.task_id = t.task_id)
        and coalesce((select x.to_state from tasker_task_transitions x where x.task_id = t.task_id and x.most_recent), 'pending')
          in ('pending', 'in_progress')
      order by t.task_id);
  end if;
end $$;
