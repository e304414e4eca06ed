-- A row of the same name that is there already is taken as it is.
insert into public.tasker_named_steps (
  dependent_system_id, name, description, created_at, updated_at
)
select
  made.dependent_system_id, made.name, made.description, made.created_at, made.updated_at
from rows from (jsonb_to_recordset($1::jsonb) as (
  dependent_system_id integer, name text, description text, created_at timestamp, updated_at timestamp
)) with ordinality as made (
  dependent_system_id, name, description, created_at, updated_at, place
)
order by made.place
on conflict (dependent_system_id, name) do update set name = excluded.name
returning named_step_id::bigint
