-- Two steps of a task, in tables of this session that stand before the shared ones in the search path: the functions of
-- the original name their tables without a schema. Step 1 was never tried and has no number of attempts; step 2 failed a
-- minute ago and may not be tried again although attempts are left. Nothing of it outlives the transaction.
CREATE TEMPORARY TABLE tasker_tasks (LIKE public.tasker_tasks) ON COMMIT DROP;
CREATE TEMPORARY TABLE tasker_task_transitions (LIKE public.tasker_task_transitions) ON COMMIT DROP;
CREATE TEMPORARY TABLE tasker_named_steps (LIKE public.tasker_named_steps) ON COMMIT DROP;
CREATE TEMPORARY TABLE tasker_workflow_steps (LIKE public.tasker_workflow_steps) ON COMMIT DROP;
CREATE TEMPORARY TABLE tasker_workflow_step_edges (LIKE public.tasker_workflow_step_edges) ON COMMIT DROP;
CREATE TEMPORARY TABLE tasker_workflow_step_transitions (LIKE public.tasker_workflow_step_transitions) ON COMMIT DROP;
INSERT INTO pg_temp.tasker_tasks (task_id, named_task_id, complete, requested_at, identity_hash, created_at, updated_at)
VALUES (1, 1, false, now(), '', now(), now());
INSERT INTO pg_temp.tasker_named_steps (named_step_id, dependent_system_id, name, created_at, updated_at)
VALUES (1, 1, '', now(), now());
INSERT INTO pg_temp.tasker_workflow_steps (workflow_step_id, task_id, named_step_id, retryable, retry_limit, in_process,
    processed, attempts, skippable, created_at, updated_at)
VALUES (1, 1, 1, true, 3, false, false, NULL, false, now(), now()), (2, 1, 1, false, 3, false, false, 1, false, now(), now());
INSERT INTO pg_temp.tasker_workflow_step_transitions (id, to_state, sort_key, most_recent, workflow_step_id, created_at,
    updated_at)
VALUES (1, 'error', 10, true, 2, now() - interval '1 minute', now() - interval '1 minute');
