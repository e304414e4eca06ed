select kind::text as kind, job_id, queue, task_id, priority, unique_key, deliveries, at, now from tasker_engine.take_jobs_1($1, $2, $3, $4, $5)
