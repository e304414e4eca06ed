-- Workers that have not been heard of for their lease, or that were declared lost and not yet forgotten.
select worker_id, name, seen_at from tasker_engine.worker
where lost or seen_at + lease < clock_timestamp()
order by worker_id limit 100
