select lane, rank, step_id, task_id, priority, idle from tasker_engine.due_steps_1($1, $2, $3, $4, $5, $6, $7, $8)
