insert into public.tasker_task_transitions (
  to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at
)
select
  made.to_state, made.from_state, made.metadata, made.sort_key, made.most_recent, made.task_id, made.created_at,
  made.updated_at
from rows from (jsonb_to_recordset($1::jsonb) as (
  to_state text, from_state text, metadata jsonb, sort_key integer, most_recent boolean, task_id bigint, created_at
  timestamp, updated_at timestamp
)) with ordinality as made (
  to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at, place
)
order by made.place
returning id::bigint
