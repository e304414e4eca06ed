insert into public.tasker_task_annotations (
  task_id, annotation_type_id, annotation, created_at, updated_at
)
select
  made.task_id, made.annotation_type_id, made.annotation, made.created_at, made.updated_at
from rows from (jsonb_to_recordset($1::jsonb) as (
  task_id bigint, annotation_type_id integer, annotation jsonb, created_at timestamp, updated_at timestamp
)) with ordinality as made (
  task_id, annotation_type_id, annotation, created_at, updated_at, place
)
order by made.place
returning task_annotation_id::bigint
