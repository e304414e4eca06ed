-- A row of the same name that is there already is taken as it is.
insert into public.tasker_dependent_systems (
  name, description, created_at, updated_at
)
select
  made.name, made.description, made.created_at, made.updated_at
from rows from (jsonb_to_recordset($1::jsonb) as (
  name text, description text, created_at timestamp, updated_at timestamp
)) with ordinality as made (
  name, description, created_at, updated_at, place
)
order by made.place
on conflict (name) do update set name = excluded.name
returning dependent_system_id::bigint
