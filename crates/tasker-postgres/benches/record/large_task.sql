-- A task of so many steps ($1) in layers of ten; each step needs two of the layer before, and all but the last layer are
-- complete. With a history of each step and ten annotations.
with kind as (
  insert into public.tasker_named_tasks (name, version, task_namespace_id, configuration, created_at, updated_at)
  select 'large_' || $1::integer, '1.0.0', min(task_namespace_id), '{}', '2024-01-01', '2024-01-01'
  from public.tasker_task_namespaces returning named_task_id
), step_kinds as (
  insert into public.tasker_named_steps (dependent_system_id, name, created_at, updated_at)
  select s.dependent_system_id, 'large_' || $1::integer || '_' || ix, '2024-01-01', '2024-01-01'
  from (select min(dependent_system_id) as dependent_system_id from public.tasker_dependent_systems) s,
    generate_series(0, $1::integer - 1) ix
  returning named_step_id, name
), task as (
  insert into public.tasker_tasks (named_task_id, complete, requested_at, bypass_steps, tags, context, identity_hash,
    created_at, updated_at)
  select named_task_id, false, '2024-01-01', '[]', '[]', '{"large": true}', 'large-' || $1::integer, '2024-01-01', '2024-01-01'
  from kind returning task_id
), planned as materialized (
  select t.task_id, ix, k.named_step_id, nextval('public.tasker_workflow_steps_workflow_step_id_seq') as step_id
  from task t, generate_series(0, $1::integer - 1) ix
  join step_kinds k on k.name = 'large_' || $1::integer || '_' || ix order by ix
), steps as (
  insert into public.tasker_workflow_steps (workflow_step_id, task_id, named_step_id, retryable, retry_limit, in_process,
    processed, attempts, inputs, results, skippable, created_at, updated_at)
  select step_id, task_id, named_step_id, true, 3, false, ix < $1::integer - 10, 1, '{"large": true}', '{"answer": 42}', false,
    '2024-01-01', '2024-01-01' from planned
), edges as (
  insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
  select a.step_id, b.step_id, 'provides', '2024-01-01', '2024-01-01'
  from planned b join planned a on a.ix / 10 = b.ix / 10 - 1 and a.ix % 10 in (b.ix % 10, (b.ix + 1) % 10)
), histories as (
  insert into public.tasker_workflow_step_transitions (workflow_step_id, to_state, sort_key, most_recent, metadata,
    created_at, updated_at)
  select step_id, w.state, 10 * w.place, w.place = 2, '{}', '2024-01-01', '2024-01-01'
  from planned, (values ('in_progress', 1), ('complete', 2)) w(state, place) where ix < $1::integer - 10
), task_history as (
  insert into public.tasker_task_transitions (task_id, to_state, sort_key, most_recent, metadata, created_at, updated_at)
  select task_id, 'in_progress', 10, true, '{}', '2024-01-01', '2024-01-01' from task
), notes as (
  insert into public.tasker_task_annotations (task_id, annotation_type_id, annotation, created_at, updated_at)
  select task_id, k.annotation_type_id, jsonb_build_object('note', n), '2024-01-01', '2024-01-01'
  from task, generate_series(1, 10) n,
    (select min(annotation_type_id) as annotation_type_id from public.tasker_annotation_types) k
)
select task_id from task
