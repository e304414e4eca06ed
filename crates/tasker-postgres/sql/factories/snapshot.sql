-- The rows of a snapshot under the ids that it gives them. $1: the snapshot as JSON. The newest row of a history is all
-- that a snapshot has of it.
with given as materialized (
  select t.* from jsonb_to_recordset($1::jsonb -> 'tasks') as t (task_id bigint, named_task_id int, newest text)
), given_step as materialized (
  select s.* from jsonb_to_recordset($1::jsonb -> 'steps') as s (
    workflow_step_id bigint, task_id bigint, named_step_id int, name text, newest jsonb, attempts int, retry_limit int,
    retryable boolean, in_process boolean, processed boolean, backoff_request_seconds int, last_attempted_at timestamp)
), instant as (
  select now() at time zone 'UTC' as utc
), systems as (
  insert into public.tasker_dependent_systems (name, created_at, updated_at)
  select 'snapshot_' || (select min(task_id) from given), utc, utc from instant returning dependent_system_id
), namespaces as (
  insert into public.tasker_task_namespaces (name, created_at, updated_at)
  select 'snapshot_' || (select min(task_id) from given), utc, utc from instant returning task_namespace_id
), named_tasks as (
  insert into public.tasker_named_tasks (named_task_id, task_namespace_id, name, version, created_at, updated_at)
  select g.named_task_id, n.task_namespace_id, 'snapshot_' || g.named_task_id, '0.1.0', utc, utc
  from (select distinct named_task_id from given) g, namespaces n, instant
), named_steps as (
  insert into public.tasker_named_steps (named_step_id, dependent_system_id, name, created_at, updated_at)
  select g.named_step_id, y.dependent_system_id, g.name, utc, utc
  from (select distinct named_step_id, name from given_step) g, systems y, instant
), tasks as (
  insert into public.tasker_tasks (task_id, named_task_id, identity_hash, requested_at, created_at, updated_at)
  select g.task_id, g.named_task_id, 'snapshot ' || g.task_id, utc, utc, utc from given g, instant
), task_histories as (
  insert into public.tasker_task_transitions (task_id, to_state, sort_key, most_recent, created_at, updated_at)
  select g.task_id, g.newest, 10, true, utc, utc from given g, instant where g.newest is not null
), steps as (
  insert into public.tasker_workflow_steps (workflow_step_id, task_id, named_step_id, attempts, retry_limit, retryable,
    in_process, processed, backoff_request_seconds, last_attempted_at, created_at, updated_at)
  select g.workflow_step_id, g.task_id, g.named_step_id, g.attempts, g.retry_limit, g.retryable, g.in_process,
    g.processed, g.backoff_request_seconds, g.last_attempted_at, utc, utc
  from given_step g, instant
), step_histories as (
  insert into public.tasker_workflow_step_transitions
    (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
  select g.workflow_step_id, g.newest ->> 'state', 10, true, (g.newest ->> 'at')::timestamp, utc
  from given_step g, instant where g.newest ->> 'state' is not null
)
insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
select e.from_step_id, e.to_step_id, 'provides', utc, utc
from jsonb_to_recordset($1::jsonb -> 'edges') as e (from_step_id bigint, to_step_id bigint), instant
