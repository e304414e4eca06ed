update tasker_engine.worker set seen_at = clock_timestamp() where worker_id = $1 and not lost returning true as alive
