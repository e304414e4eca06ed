update tasker_engine.worker set lost = true
where worker_id = $1 and (lost or seen_at + lease < clock_timestamp())
returning name
