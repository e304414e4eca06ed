insert into public.tasker_tasks (
  named_task_id, complete, requested_at, initiator, source_system, reason, bypass_steps, tags, context,
  identity_hash, created_at, updated_at
)
select
  made.named_task_id, made.complete, made.requested_at, made.initiator, made.source_system, made.reason,
  made.bypass_steps, made.tags, made.context, made.identity_hash, made.created_at, made.updated_at
from rows from (jsonb_to_recordset($1::jsonb) as (
  named_task_id integer, complete boolean, requested_at timestamp, initiator text, source_system text, reason text,
  bypass_steps json, tags jsonb, context jsonb, identity_hash text, created_at timestamp, updated_at timestamp
)) with ordinality as made (
  named_task_id, complete, requested_at, initiator, source_system, reason, bypass_steps, tags, context,
  identity_hash, created_at, updated_at, place
)
order by made.place
returning task_id::bigint
