-- The same rows for all steps of all listed tasks, each task once.
CREATE FUNCTION public.get_step_readiness_status_batch(input_task_ids bigint[])
RETURNS TABLE (
    workflow_step_id bigint,
    task_id bigint,
    named_step_id integer,
    name text,
    current_state text,
    dependencies_satisfied boolean,
    retry_eligible boolean,
    ready_for_execution boolean,
    last_failure_at timestamp without time zone,
    next_retry_at timestamp without time zone,
    total_parents integer,
    completed_parents integer,
    attempts integer,
    retry_limit integer,
    backoff_request_seconds integer,
    last_attempted_at timestamp without time zone
)
LANGUAGE plpgsql STABLE
AS $function$
BEGIN
    RETURN QUERY
    SELECT status.*
    FROM (SELECT DISTINCT listed.id FROM unnest(input_task_ids) AS listed (id)) AS requested
    CROSS JOIN LATERAL public.get_step_readiness_status(requested.id, NULL) AS status;
END;
$function$;
