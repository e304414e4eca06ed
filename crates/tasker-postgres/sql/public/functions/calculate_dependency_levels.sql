-- The level of every step of a task that a root reaches: the length of the longest path to it.
--
-- Every step and every edge is looked at a fixed number of times, so the time grows with their number and not with the
-- number of paths. Steps are numbered from 1 in the order of their ids; `children` lists the targets of the edges
-- grouped by parent, those of step n from `first_child[n]` to `first_child[n + 1] - 1`.
--
-- A cycle behind a root has no longest path: it is reported as an error.
CREATE FUNCTION public.calculate_dependency_levels(input_task_id bigint)
RETURNS TABLE (workflow_step_id bigint, dependency_level integer)
LANGUAGE plpgsql STABLE
AS $function$
DECLARE
    step_ids bigint[];
    has_parent boolean[];
    edge_parents integer[];
    children integer[];
    first_child integer[];
    unmet_parents integer[];
    levels integer[];
    reached integer[] := '{}';
    reached_count integer := 0;
    ordered integer[] := '{}';
    ordered_count integer := 0;
    step_count integer;
    edge_count integer;
    edge integer := 1;
    step integer;
    child integer;
    position_in_list integer;
BEGIN
    SELECT array_agg(ws.workflow_step_id ORDER BY ws.workflow_step_id),
           array_agg(
               EXISTS (
                   SELECT 1 FROM public.tasker_workflow_step_edges incoming
                   WHERE incoming.to_step_id = ws.workflow_step_id
               )
               ORDER BY ws.workflow_step_id
           )
    INTO step_ids, has_parent
    FROM public.tasker_workflow_steps ws
    WHERE ws.task_id = input_task_id;

    IF step_ids IS NULL THEN
        RETURN;
    END IF;
    step_count := cardinality(step_ids);

    -- The number of a step is found by binary search among the sorted ids; an edge from another task's step has none.
    WITH numbering AS MATERIALIZED (SELECT step_ids AS ids),
    numbered AS MATERIALIZED (
        SELECT width_bucket(outgoing.from_step_id, numbering.ids) AS parent,
               width_bucket(outgoing.to_step_id, numbering.ids) AS child
        FROM numbering
        CROSS JOIN public.tasker_workflow_steps ws
        JOIN public.tasker_workflow_step_edges outgoing ON outgoing.from_step_id = ws.workflow_step_id
        WHERE ws.task_id = input_task_id
            AND numbering.ids[width_bucket(outgoing.to_step_id, numbering.ids)] = outgoing.to_step_id
    )
    SELECT array_agg(numbered.parent ORDER BY numbered.parent), array_agg(numbered.child ORDER BY numbered.parent)
    INTO edge_parents, children
    FROM numbered;
    edge_count := COALESCE(cardinality(children), 0);

    first_child := array_fill(0, ARRAY[step_count + 1]);
    unmet_parents := array_fill(0, ARRAY[step_count]);
    levels := array_fill(NULL::integer, ARRAY[step_count]);

    FOR step IN 1 .. step_count LOOP
        first_child[step] := edge;
        WHILE edge <= edge_count AND edge_parents[edge] = step LOOP
            edge := edge + 1;
        END LOOP;
        IF NOT has_parent[step] THEN
            levels[step] := 0;
            reached_count := reached_count + 1;
            reached[reached_count] := step;
        END IF;
    END LOOP;
    first_child[step_count + 1] := edge;
    ordered := reached;
    ordered_count := reached_count;

    -- First what can be reached at all: a parent that no root reaches must not hold its child back.
    position_in_list := 1;
    WHILE position_in_list <= reached_count LOOP
        step := reached[position_in_list];
        FOR edge IN first_child[step] .. first_child[step + 1] - 1 LOOP
            child := children[edge];
            IF unmet_parents[child] = 0 THEN
                reached_count := reached_count + 1;
                reached[reached_count] := child;
            END IF;
            unmet_parents[child] := unmet_parents[child] + 1;
        END LOOP;
        position_in_list := position_in_list + 1;
    END LOOP;

    -- Then in topological order: when the last parent of a step is done, its level is final.
    position_in_list := 1;
    WHILE position_in_list <= ordered_count LOOP
        step := ordered[position_in_list];
        FOR edge IN first_child[step] .. first_child[step + 1] - 1 LOOP
            child := children[edge];
            levels[child] := GREATEST(levels[child], levels[step] + 1);
            unmet_parents[child] := unmet_parents[child] - 1;
            IF unmet_parents[child] = 0 THEN
                ordered_count := ordered_count + 1;
                ordered[ordered_count] := child;
            END IF;
        END LOOP;
        position_in_list := position_in_list + 1;
    END LOOP;

    IF ordered_count < reached_count THEN
        RAISE EXCEPTION 'the steps of task % form a cycle behind a root', input_task_id
            USING ERRCODE = 'data_exception', HINT = 'remove an edge of the cycle';
    END IF;

    RETURN QUERY
    SELECT leveled.id, leveled.level
    FROM unnest(step_ids, levels) AS leveled (id, level)
    WHERE leveled.level IS NOT NULL
    ORDER BY leveled.level, leveled.id;
END;
$function$;
