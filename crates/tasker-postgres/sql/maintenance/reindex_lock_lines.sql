-- Of the tasks $1, those of whose places in the line, and among what waits, nobody holds any. After the sweep only an
-- unclaimed step that could run has a place; many steps that were made at once share a rank, so no others are looked up.
with queued as materialized (
  select q.step_id, s.task_id, q.lane, q.rank
  from public.tasker_workflow_steps s join tasker_engine.queue q on q.step_id = s.workflow_step_id
  where s.task_id = any($1) and q.owner is null and q.unmet = 0 and not q.dead
), places as materialized (
  select q.task_id, 'ready' as line, r.ctid as place from queued q
  join tasker_engine.ready r on r.lane = q.lane and r.rank = q.rank and r.step_id = q.step_id
  union all
  select q.task_id, 'later', l.ctid from queued q
  join tasker_engine.later l on l.lane = q.lane and l.wake_at = q.rank and l.step_id = q.step_id
), in_line as materialized (
  select r.ctid as place from queued q
  join tasker_engine.ready r on r.lane = q.lane and r.rank = q.rank and r.step_id = q.step_id
  for update of r skip locked
), waiting as materialized (
  select l.ctid as place from queued q
  join tasker_engine.later l on l.lane = q.lane and l.wake_at = q.rank and l.step_id = q.step_id
  for update of l skip locked
), locked as materialized (
  select 'ready' as line, place from in_line union all select 'later', place from waiting
)
select a.task_id from unnest($1) a(task_id)
where not exists (
  select from places p
  where p.task_id = a.task_id and not exists (select from locked l where l.line = p.line and l.place = p.place))
order by a.task_id
