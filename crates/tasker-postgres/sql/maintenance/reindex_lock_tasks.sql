-- Of the tasks $1, those whose counters nobody holds.
select e.task_id from tasker_engine.task e where e.task_id = any($1) order by e.task_id for update skip locked
