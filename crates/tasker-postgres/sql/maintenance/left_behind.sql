-- What stands in the queue: attempts of dead workers that nobody will finish, and tasks that have not ended.
select count(*) filter (where q.owner is not null) as abandoned, count(distinct q.task_id) as unfinished from tasker_engine.queue q
