select definition_id, named_task_id, named_step_ids, lane_ids, outcome, previous
from tasker_engine.register_definition_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
