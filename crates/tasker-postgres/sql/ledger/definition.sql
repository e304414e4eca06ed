select d.definition_id, d.named_task_id, d.content_hash, d.snapshot,
  array(select s.named_step_id from tasker_engine.definition_step s where s.definition_id = d.definition_id order by s.ix) as named_step_ids,
  array(select s.lane_id from tasker_engine.definition_step s where s.definition_id = d.definition_id order by s.ix) as lane_ids
from tasker_engine.definition d where d.definition_id = $1
