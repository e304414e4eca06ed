-- The completed steps, created since an instant (a day ago unless given), that took longest from creation to completion.
-- The stored times have no zone and are UTC: they are cast to the declared types here (R-08).
CREATE FUNCTION public.get_slowest_steps_v01(
    since_timestamp timestamp with time zone DEFAULT NULL,
    limit_count integer DEFAULT 10,
    namespace_filter text DEFAULT NULL,
    task_name_filter text DEFAULT NULL,
    version_filter text DEFAULT NULL
)
RETURNS TABLE (
    workflow_step_id bigint,
    task_id bigint,
    step_name character varying,
    task_name character varying,
    namespace_name character varying,
    version character varying,
    duration_seconds numeric,
    attempts integer,
    created_at timestamp with time zone,
    completed_at timestamp with time zone,
    retryable boolean,
    step_status character varying
)
LANGUAGE plpgsql STABLE
AS $function$
DECLARE
    window_start_utc timestamp without time zone :=
        COALESCE(since_timestamp, now() - interval '24 hours') AT TIME ZONE 'UTC';
BEGIN
    RETURN QUERY
    SELECT
        ws.workflow_step_id,
        ws.task_id,
        ns.name,
        definition.name,
        namespace.name,
        definition.version,
        round(EXTRACT(EPOCH FROM completion.created_at - ws.created_at), 3),
        ws.attempts,
        ws.created_at AT TIME ZONE 'UTC',
        completion.created_at AT TIME ZONE 'UTC',
        ws.retryable,
        completion.to_state
    FROM public.tasker_workflow_steps ws
    JOIN public.tasker_workflow_step_transitions completion
        ON completion.workflow_step_id = ws.workflow_step_id
        AND completion.most_recent = true
        AND completion.to_state = 'complete'
    JOIN public.tasker_named_steps ns ON ns.named_step_id = ws.named_step_id
    JOIN public.tasker_tasks task ON task.task_id = ws.task_id
    JOIN public.tasker_named_tasks definition ON definition.named_task_id = task.named_task_id
    JOIN public.tasker_task_namespaces namespace ON namespace.task_namespace_id = definition.task_namespace_id
    WHERE ws.created_at > window_start_utc
        AND completion.created_at > ws.created_at
        AND (namespace_filter IS NULL OR namespace.name = namespace_filter)
        AND (task_name_filter IS NULL OR definition.name = task_name_filter)
        AND (version_filter IS NULL OR definition.version = version_filter)
    ORDER BY completion.created_at - ws.created_at DESC
    LIMIT limit_count;
END;
$function$;
