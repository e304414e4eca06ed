insert into public.tasker_dependent_system_object_maps (
  dependent_system_one_id, dependent_system_two_id, remote_id_one, remote_id_two, created_at, updated_at
)
select
  made.dependent_system_one_id, made.dependent_system_two_id, made.remote_id_one, made.remote_id_two,
  made.created_at, made.updated_at
from rows from (jsonb_to_recordset($1::jsonb) as (
  dependent_system_one_id integer, dependent_system_two_id integer, remote_id_one text, remote_id_two text,
  created_at timestamp, updated_at timestamp
)) with ordinality as made (
  dependent_system_one_id, dependent_system_two_id, remote_id_one, remote_id_two, created_at, updated_at, place
)
order by made.place
returning dependent_system_object_map_id::bigint
