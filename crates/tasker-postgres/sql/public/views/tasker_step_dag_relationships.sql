-- The neighbours of every step and its distance from the nearest root.
--
-- Everything is looked up from the step itself, so that a condition on task or step limits the work to the steps it
-- names. The distance is found by walking from the step towards the roots, one level of distinct ancestors at a time:
-- the walk ends at the first level that holds a root, and after 50 levels at the latest; cycles do not matter to it.
-- A level holds a root when fewer steps have incoming edges than the level has steps.
CREATE VIEW public.tasker_step_dag_relationships AS
SELECT
    ws.workflow_step_id,
    ws.task_id,
    ws.named_step_id,
    COALESCE(parents.ids, '[]'::jsonb) AS parent_step_ids,
    COALESCE(children.ids, '[]'::jsonb) AS child_step_ids,
    parents.number AS parent_count,
    children.number AS child_count,
    parents.number = 0 AS is_root_step,
    children.number = 0 AS is_leaf_step,
    (
        WITH RECURSIVE walk (depth, holds_root, next_level) AS (
            SELECT 0, level.ancestors IS NULL, level.ancestors
            FROM (
                SELECT array_agg(DISTINCT edge.from_step_id) AS ancestors
                FROM public.tasker_workflow_step_edges edge
                WHERE edge.to_step_id = ws.workflow_step_id
            ) level
            UNION ALL
            SELECT walk.depth + 1, level.with_parents < cardinality(walk.next_level), level.ancestors
            FROM walk
            CROSS JOIN LATERAL (
                SELECT array_agg(DISTINCT edge.from_step_id) AS ancestors,
                       count(DISTINCT edge.to_step_id) AS with_parents
                FROM public.tasker_workflow_step_edges edge
                WHERE edge.to_step_id = ANY (walk.next_level)
            ) level
            WHERE walk.depth < 50 AND NOT walk.holds_root
        )
        SELECT walk.depth FROM walk WHERE walk.holds_root
    ) AS min_depth_from_root
FROM public.tasker_workflow_steps ws
CROSS JOIN LATERAL (
    SELECT count(*) AS number, jsonb_agg(edge.from_step_id ORDER BY edge.from_step_id) AS ids
    FROM public.tasker_workflow_step_edges edge
    WHERE edge.to_step_id = ws.workflow_step_id
) parents
CROSS JOIN LATERAL (
    SELECT count(*) AS number, jsonb_agg(edge.to_step_id ORDER BY edge.to_step_id) AS ids
    FROM public.tasker_workflow_step_edges edge
    WHERE edge.from_step_id = ws.workflow_step_id
) children;
