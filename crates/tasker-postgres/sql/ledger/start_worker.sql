insert into tasker_engine.worker (name, lease, started_at, seen_at, concurrency, task_id, queues, handlers, types, templates)
values ($1, make_interval(secs => $2), clock_timestamp(), clock_timestamp(), $3, $4, $5, $6, $7, $8)
returning worker_id
