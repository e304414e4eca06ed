-- Of the tasks $1, of which nothing is alive, those in whose history nothing was written for a while: who ended their
-- last step has had its time to end the task.
select e.task_id from tasker_engine.task e
where e.task_id = any($1) and e.last_at < coalesce($2, clock_timestamp()) - interval '5 seconds'
order by e.task_id
