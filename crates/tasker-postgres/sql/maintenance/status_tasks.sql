-- Tasks by state, from a sample of $1 percent of the table; 100 means all of them.
select coalesce(x.to_state, 'pending') as state, (count(*) * 100 / $1::float8)::bigint as tasks
from public.tasker_tasks t tablesample system ($1::real)
left join public.tasker_task_transitions x on x.task_id = t.task_id and x.most_recent
group by 1
order by 1
