-- Pauses the tasks $1: $2 who, why and when; null lets them go on.
update tasker_engine.task set paused = $2 where task_id = any($1)
