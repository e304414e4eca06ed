-- The instant after which a step that has not ended is dead: its deadline counts from the moment at which it could first
-- run (its task was made, `run_at` has come, its parents have ended), or at which a person last sent it on again. Null where
-- it has no deadline or its parents have not ended.
create function tasker_engine.step_deadline_1(p_step bigint) returns timestamptz
language sql stable
set search_path = tasker_engine, public, pg_temp
as $$
  select greatest(s.created_at at time zone 'UTC', e.not_before, p.last_at at time zone 'UTC', h.last_at at time zone 'UTC') + f.deadline
  from tasker_workflow_steps s
  join task e on e.task_id = s.task_id
  join definition_step f on f.definition_id = e.definition_id and f.named_step_id = s.named_step_id and f.deadline is not null
  cross join lateral (
    select count(*) filter (where coalesce(y.to_state, 'pending') not in ('complete', 'resolved_manually')) as unmet, max(y.created_at) as last_at
    from tasker_workflow_step_edges g
    left join tasker_workflow_step_transitions y on y.workflow_step_id = g.from_step_id and y.most_recent
    where g.to_step_id = s.workflow_step_id) p
  cross join lateral (
    select max(y.created_at) as last_at from tasker_workflow_step_transitions y
    where y.workflow_step_id = s.workflow_step_id and y.to_state = 'pending' and y.metadata->>'operation' = 'retry') h
  where s.workflow_step_id = p_step and p.unmet = 0
$$;
