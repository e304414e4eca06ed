delete from tasker_engine.worker
where worker_id = $1 and not exists (select from tasker_engine.queue where owner = $1)
