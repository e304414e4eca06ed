-- Adds $2 to the priority of every step of the tasks $1, instead of what was added before.
update tasker_engine.task set priority = $2 where task_id = any($1)
