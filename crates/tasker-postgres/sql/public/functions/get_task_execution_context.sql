-- Where one task stands and what should be done about it.
CREATE FUNCTION public.get_task_execution_context(input_task_id bigint)
RETURNS TABLE (
    task_id bigint,
    named_task_id integer,
    status text,
    total_steps bigint,
    pending_steps bigint,
    in_progress_steps bigint,
    completed_steps bigint,
    failed_steps bigint,
    ready_steps bigint,
    execution_status text,
    recommended_action text,
    completion_percentage numeric,
    health_status text
)
LANGUAGE plpgsql STABLE
AS $function$
BEGIN
    RETURN QUERY
    SELECT context.* FROM public.get_task_execution_contexts_batch(ARRAY[input_task_id]) AS context;
END;
$function$;
