-- Of the steps $1, whose rows the caller has locked, which are open and past their deadline; $2: the instant or now. Rows of
-- steps that have ended are taken out on the way, and those of others put off: to the earliest instant at which the deadline
-- may pass, but for a second at least; where it has passed for $3 seconds, in which the caller ends the step. So what cannot
-- be ended never stands before the rest.
with fact as materialized (
  select due.step_id, q.task_id, q.step_id is not null and not q.dead and f.deadline is not null as is_open, q.call < 0 as elsewhere,
    f.deadline, coalesce($2, clock_timestamp()) as now, tasker_engine.step_deadline_1(due.step_id) as at
  from unnest($1::bigint[]) due(step_id)
  left join tasker_engine.queue q on q.step_id = due.step_id
  left join tasker_engine.task e on e.task_id = q.task_id
  left join tasker_engine.definition_step f on f.definition_id = e.definition_id and f.ix = q.ix
), gone as (
  delete from tasker_engine.step_deadline d using fact f where d.step_id = f.step_id and not f.is_open
), put_off as (
  update tasker_engine.step_deadline d set at = case when f.at > f.now then f.at
    when f.at is null or f.elsewhere then f.now + greatest(f.deadline, interval '1 second')
    else f.now + $3 * interval '1 second' end
  from fact f where d.step_id = f.step_id and f.is_open
)
select task_id, step_id, now, extract(epoch from deadline)::float8 as seconds, coalesce(is_open and at <= now and not elsewhere, false) as passed
from fact order by task_id, step_id
