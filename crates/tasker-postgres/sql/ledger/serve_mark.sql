-- From here on worker $1 is told again of lanes that are made, paused or resumed. A statement of its own, before the look
-- at the lanes: what comes between the two is told as well.
update tasker_engine.worker set stale = false where worker_id = $1
