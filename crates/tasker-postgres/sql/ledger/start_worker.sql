-- A number that no sequence gives: after a fail-over to a server that lags behind, a sequence repeats what it gave, and two
-- workers would take each other's claims for their own (R-30). Nothing comes back when the number is taken.
insert into tasker_engine.worker (worker_id, name, lease, started_at, seen_at, concurrency, task_id, queues, handlers, types, templates)
overriding system value
values (1 + floor(random() * 2147483646)::integer, $1, make_interval(secs => $2), clock_timestamp(), clock_timestamp(), $3, $4, $5, $6, $7, $8)
on conflict (worker_id) do nothing
returning worker_id
