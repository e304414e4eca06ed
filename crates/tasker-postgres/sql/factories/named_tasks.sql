-- A row of the same name that is there already is taken as it is.
insert into public.tasker_named_tasks (
  name, description, task_namespace_id, version, configuration, created_at, updated_at
)
select
  made.name, made.description, made.task_namespace_id, made.version, made.configuration, made.created_at,
  made.updated_at
from rows from (jsonb_to_recordset($1::jsonb) as (
  name text, description text, task_namespace_id bigint, version text, configuration jsonb, created_at timestamp,
  updated_at timestamp
)) with ordinality as made (
  name, description, task_namespace_id, version, configuration, created_at, updated_at, place
)
order by made.place
on conflict (task_namespace_id, name, version) do update set version = excluded.version
returning named_task_id::bigint
