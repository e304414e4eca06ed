insert into public.tasker_workflow_step_edges (
  from_step_id, to_step_id, name, created_at, updated_at
)
select
  made.from_step_id, made.to_step_id, made.name, made.created_at, made.updated_at
from rows from (jsonb_to_recordset($1::jsonb) as (
  from_step_id bigint, to_step_id bigint, name text, created_at timestamp, updated_at timestamp
)) with ordinality as made (
  from_step_id, to_step_id, name, created_at, updated_at, place
)
order by made.place
returning id::bigint
