select place, outcome::text as outcome from tasker_engine.enqueue_jobs_1($1, $2, $3, $4, $5, $6, $7) order by place
