-- Makes a task of the definition $2 that takes over what of the task $1 has ended well: under the identity $3, with the
-- context $4 or that of $1, asked for by $5 because of $6; the steps $7 of the old task become steps that begin as $8
-- says, those that are taken over in the order of $9; $10 is the metadata of the history, $11 the instant or now, $12 the
-- steps that are passed over, $13 where it comes from. Its side rows are only begun: the rebuild that follows writes them from the record.
--
-- What is taken over keeps what the attempts left in its row; its history is the shortest that leads there, so that a
-- reader finds parents ended before their children began.
with source as materialized (
  select t.task_id, t.named_task_id, t.source_system, t.tags, t.context, i.at
  from public.tasker_tasks t cross join lateral (select coalesce($11, clock_timestamp() at time zone 'UTC') as at) i
  where t.task_id = $1
), made as (
  insert into public.tasker_tasks (named_task_id, complete, requested_at, initiator, source_system, reason, bypass_steps, tags,
    context, identity_hash, created_at, updated_at)
  select named_task_id, false, at, left($5, 128), source_system, left($6, 128), $12::text::json, tags, coalesce($4::text::jsonb, context), $3, at, at
  from source
  on conflict (identity_hash) do nothing
  returning task_id, case when octet_length(context::text) <= 65536 then context else '{}' end as inputs, created_at as at
), step as materialized (
  select o.step_id as old_id, o.part, o.place, nextval('public.tasker_workflow_steps_workflow_step_id_seq') as step_id
  from (select * from unnest($7::bigint[], $8::text[], $9::integer[]) a(step_id, part, place) order by a.step_id) o
  where exists (select from made)
), step_rows as (
  insert into public.tasker_workflow_steps (workflow_step_id, task_id, named_step_id, retryable, retry_limit, skippable, in_process,
    processed, processed_at, attempts, last_attempted_at, inputs, results, created_at, updated_at)
  select p.step_id, m.task_id, s.named_step_id, f.retryable, greatest(f.retry_limit, case when p.part <> 'anew' then s.attempts end), f.skippable, false,
    p.part <> 'anew' and s.processed, case when p.part <> 'anew' then s.processed_at end,
    case when p.part <> 'anew' then s.attempts else 0 end, case when p.part <> 'anew' then s.last_attempted_at end,
    case when p.part <> 'anew' then s.inputs else m.inputs end, case when p.part <> 'anew' then s.results else '{}' end, m.at, m.at
  from step p cross join made m
  join public.tasker_workflow_steps s on s.workflow_step_id = p.old_id
  join tasker_engine.definition_step f on f.definition_id = $2 and f.named_step_id = s.named_step_id
  order by p.step_id
), edge_rows as (
  insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
  select a.step_id, b.step_id, g.name, m.at, m.at
  from step b cross join made m
  join public.tasker_workflow_step_edges g on g.to_step_id = b.old_id
  join step a on a.old_id = g.from_step_id
  order by b.step_id, g.id
), step_history as (
  insert into public.tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
  select h.state, h.before, $10 || jsonb_build_object('taken_over_from', jsonb_build_object('task_id', $1, 'step_id', p.old_id)),
    h.sort_key, h.state = p.part, p.step_id, m.at, m.at
  from step p cross join made m
  join (values ('complete', 'in_progress', 'pending', 10), ('complete', 'complete', 'in_progress', 20),
    ('resolved_manually', 'resolved_manually', 'pending', 10)) h(part, state, before, sort_key) on h.part = p.part
  order by p.place, h.sort_key
), task_history as (
  -- By way of in_progress, because steps of it have been; from there nothing runs until somebody claims it.
  insert into public.tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
  select h.state, h.before, $10 || jsonb_build_object('rewound_from', $13::jsonb) || h.start, h.sort_key, h.sort_key = 20, m.task_id, m.at, m.at
  from made m cross join (values
    ('in_progress', 'pending', 10, jsonb_build_object('initialization_completed', true, 'step_dependencies_established', cardinality($7))),
    ('pending', 'in_progress', 20, '{}')) h(state, before, sort_key, start)
  order by h.sort_key
), counters as (
  insert into tasker_engine.task (task_id, definition_id, remaining, alive, reserved, fail_fast, priority, last_at)
  select m.task_id, d.definition_id, d.steps, d.steps, coalesce(e.reserved, false), d.fail_fast, coalesce(e.priority, 0), m.at at time zone 'UTC'
  from made m join tasker_engine.definition d on d.definition_id = $2 left join tasker_engine.task e on e.task_id = $1
)
select m.task_id, pg_notify('tasker_engine', '')::text as told from made m
