select workflow_step_id, task_id, named_step_id, parent_step_ids, child_step_ids, parent_count, child_count,
  is_root_step, is_leaf_step, min_depth_from_root
from public.tasker_step_dag_relationships
where workflow_step_id = $1::bigint
order by workflow_step_id
