-- Ends the tasks $1, of which nothing is alive: complete where nothing remains, else in error, held by the steps that are
-- dead. $2: metadata, $3: the instant or now. Their side rows are locked and have just been rebuilt.
with ends as materialized (
  select e.task_id, case when e.remaining = 0 then 'complete' else 'error' end as state,
    coalesce(x.to_state, 'pending') as before
  from tasker_engine.task e
  left join public.tasker_task_transitions x on x.task_id = e.task_id and x.most_recent
  where e.task_id = any($1) and e.alive = 0 and coalesce(x.to_state, 'pending') in ('pending', 'in_progress')
), flipped as (
  update public.tasker_task_transitions t
  set most_recent = false, updated_at = greatest(t.created_at, coalesce($3, clock_timestamp() at time zone 'UTC'))
  from ends e where t.task_id = e.task_id and t.most_recent
  returning t.task_id, t.sort_key, t.created_at
), rows as (
  -- pending → complete is no edge: it goes by way of in_progress
  select e.task_id, 'in_progress' as state, 'pending' as before, 1 as place, false as last
  from ends e where e.before = 'pending' and e.state = 'complete'
  union all
  select e.task_id, e.state, case when e.before = 'pending' and e.state = 'complete' then 'in_progress' else e.before end,
    case when e.before = 'pending' and e.state = 'complete' then 2 else 1 end, true
  from ends e
), counted as (
  update tasker_engine.task t set running = false, ended = true from ends e where t.task_id = e.task_id
), done as (
  update public.tasker_tasks t set complete = true, updated_at = coalesce($3, clock_timestamp() at time zone 'UTC')
  from ends e where t.task_id = e.task_id and e.state = 'complete'
), removed as (
  delete from tasker_engine.queue q using public.tasker_workflow_steps s, ends e
  where s.task_id = e.task_id and q.step_id = s.workflow_step_id
), held as materialized (
  select e.task_id, coalesce(jsonb_agg(n.name order by s.workflow_step_id) filter (where q.dead), '[]') as steps
  from ends e
  join public.tasker_workflow_steps s on s.task_id = e.task_id
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  left join tasker_engine.queue q on q.step_id = s.workflow_step_id
  where e.state = 'error' group by e.task_id
), written as (
  insert into public.tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
  select r.state, r.before, $2 || case when r.state = 'error' then jsonb_build_object('held_by', h.steps) else '{}' end,
    coalesce(f.sort_key, 0) + 10 * r.place, r.last, r.task_id, i.at, i.at
  from rows r left join flipped f on f.task_id = r.task_id left join held h on h.task_id = r.task_id
  cross join lateral (select greatest(f.created_at, coalesce($3, clock_timestamp() at time zone 'UTC')) as at) i
  order by r.task_id, r.place
)
select task_id, state from ends order by task_id
