-- $2 tasks of definition $1 that are complete, with all their rows, as if they had been carried out in the past.
with made as (
  insert into tasker_tasks (named_task_id, complete, requested_at, initiator, source_system, reason, bypass_steps, tags,
    context, identity_hash, created_at, updated_at)
  select d.named_task_id, true, at, 'unknown', 'unknown', 'unknown', '[]', '[]', '{"order_id": 4711, "customer": "bench"}',
    gen_random_uuid()::text, at, at
  from tasker_engine.definition d, generate_series(1, $2) i,
    lateral (select (now() at time zone 'UTC') - interval '1 day' + i * interval '1 ms') x(at)
  where d.definition_id = $1
  returning task_id, created_at as at
), planned as materialized (
  select m.task_id, m.at, s.ix, s.named_step_id, s.retry_limit, s.retryable, s.skippable,
    nextval('tasker_workflow_steps_workflow_step_id_seq') as step_id
  from made m, tasker_engine.definition_step s where s.definition_id = $1
), steps as (
  insert into tasker_workflow_steps (workflow_step_id, task_id, named_step_id, retryable, retry_limit, skippable, attempts,
    last_attempted_at, in_process, processed, processed_at, inputs, results, created_at, updated_at)
  select step_id, task_id, named_step_id, retryable, retry_limit, skippable, 1, at, false, true, at,
    '{"order_id": 4711, "customer": "bench"}', '{"status": "done", "amount": 129.95, "currency": "EUR"}', at, at
  from planned
), edges as (
  insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
  select f.step_id, t.step_id, 'provides', f.at, f.at
  from tasker_engine.definition_edge e
    join planned f on f.ix = e.from_ix join planned t on t.ix = e.to_ix and t.task_id = f.task_id
  where e.definition_id = $1
), history as (
  insert into tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id,
    created_at, updated_at)
  select s.state, s.before, '{"worker": "bench", "attempt": 1}', s.sort_key, s.sort_key = 20, p.step_id, p.at, p.at
  from planned p, (values ('in_progress', 'pending', 10), ('complete', 'in_progress', 20)) s(state, before, sort_key)
), task_history as (
  insert into tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
  select s.state, s.before, '{"worker": "bench"}', s.sort_key, s.sort_key = 20, m.task_id, m.at, m.at
  from made m, (values ('in_progress', 'pending', 10), ('complete', 'in_progress', 20)) s(state, before, sort_key)
)
insert into tasker_engine.task (task_id, definition_id, remaining, alive, ended, last_at)
select task_id, $1, 0, 0, true, at at time zone 'UTC' from made
