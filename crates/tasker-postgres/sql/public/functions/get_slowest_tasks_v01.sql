-- The tasks, created since an instant (a day ago unless given), that took longest from creation to the last completion
-- or failure of a step. A step counts once for each of its transitions, and once without any.
-- The stored times have no zone and are UTC: they are cast to the declared types here (R-08).
CREATE FUNCTION public.get_slowest_tasks_v01(
    since_timestamp timestamp with time zone DEFAULT NULL,
    limit_count integer DEFAULT 10,
    namespace_filter text DEFAULT NULL,
    task_name_filter text DEFAULT NULL,
    version_filter text DEFAULT NULL
)
RETURNS TABLE (
    task_id bigint,
    task_name character varying,
    namespace_name character varying,
    version character varying,
    duration_seconds numeric,
    step_count bigint,
    completed_steps bigint,
    error_steps bigint,
    created_at timestamp with time zone,
    completed_at timestamp with time zone,
    initiator character varying,
    source_system character varying
)
LANGUAGE plpgsql STABLE
AS $function$
DECLARE
    window_start_utc timestamp without time zone :=
        COALESCE(since_timestamp, now() - interval '24 hours') AT TIME ZONE 'UTC';
BEGIN
    RETURN QUERY
    SELECT
        task.task_id,
        definition.name,
        namespace.name,
        definition.version,
        round(EXTRACT(EPOCH FROM steps.ended_at - task.created_at), 3),
        steps.counted,
        steps.completed,
        steps.failed,
        task.created_at AT TIME ZONE 'UTC',
        steps.ended_at AT TIME ZONE 'UTC',
        task.initiator,
        task.source_system
    FROM public.tasker_tasks task
    JOIN public.tasker_named_tasks definition ON definition.named_task_id = task.named_task_id
    JOIN public.tasker_task_namespaces namespace ON namespace.task_namespace_id = definition.task_namespace_id
    CROSS JOIN LATERAL (
        SELECT
            count(*) AS counted,
            count(*) FILTER (WHERE current_row.to_state = 'complete') AS completed,
            count(*) FILTER (WHERE current_row.to_state = 'error') AS failed,
            max(current_row.created_at) FILTER (WHERE current_row.to_state IN ('complete', 'error')) AS ended_at
        FROM public.tasker_workflow_steps ws
        LEFT JOIN public.tasker_workflow_step_transitions current_row
            ON current_row.workflow_step_id = ws.workflow_step_id AND current_row.most_recent = true
        LEFT JOIN public.tasker_workflow_step_transitions any_row
            ON any_row.workflow_step_id = ws.workflow_step_id
        WHERE ws.task_id = task.task_id
    ) steps
    WHERE task.created_at > window_start_utc
        AND steps.ended_at IS NOT NULL
        AND (namespace_filter IS NULL OR namespace.name = namespace_filter)
        AND (task_name_filter IS NULL OR definition.name = task_name_filter)
        AND (version_filter IS NULL OR definition.version = version_filter)
    ORDER BY steps.ended_at - task.created_at DESC
    LIMIT limit_count;
END;
$function$;
