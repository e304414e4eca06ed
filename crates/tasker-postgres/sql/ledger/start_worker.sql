insert into tasker_engine.worker (name, lease, started_at, seen_at)
values ($1, make_interval(secs => $2), clock_timestamp(), clock_timestamp())
returning worker_id
