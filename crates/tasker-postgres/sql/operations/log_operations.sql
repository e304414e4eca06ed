-- Writes down what $1 changed because of $2, at the instant $3 or now: which operation ($4) on what ($5: task or step; its
-- task $6, its step $7 or null), from what ($8) to what ($9).
insert into tasker_engine.operation (at, actor, reason, operation, scope, task_id, step_id, before, after)
select coalesce($3::timestamp at time zone 'UTC', clock_timestamp()), $1, $2, o.operation, o.scope, o.task_id, o.step_id, o.before, o.after
from unnest($4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[]::jsonb[], $9::text[]::jsonb[]) with ordinality
  o(operation, scope, task_id, step_id, before, after, place)
order by o.place
