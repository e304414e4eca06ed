-- Jobs by queue: how many are due, how many wait for an instant, how many somebody has.
select queue, count(*) filter (where taken_until is null and in_line) as due,
  count(*) filter (where taken_until is null and not in_line) as later, count(taken_until) as taken
from tasker_engine.job group by queue order by queue
