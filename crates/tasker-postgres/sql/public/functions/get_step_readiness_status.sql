-- What every step of a task may do now; with `step_ids`, only those of them (their parents count all the same).
-- Times are compared in UTC without regard to the session's zone (R-05).
CREATE FUNCTION public.get_step_readiness_status(input_task_id bigint, step_ids bigint[] DEFAULT NULL)
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
    -- Materialized, so that both ends of waiting are computed for every step: an attempt number whose backoff does
    -- not fit an interval fails the call for the whole task, whatever else is true of the step.
    WITH step AS MATERIALIZED (
        SELECT
            ws.workflow_step_id,
            ws.task_id,
            ws.named_step_id,
            ns.name::text AS name,
            COALESCE(current_row.to_state, 'pending')::text AS current_state,
            parents.total AS total_parents,
            parents.finished AS finished_parents,
            COALESCE(ws.attempts, 0) AS attempts,
            COALESCE(ws.retry_limit, 3) AS retry_limit,
            ws.retryable IS NOT FALSE AND ws.processed IS NOT TRUE AND ws.in_process IS NOT TRUE AS may_run,
            ws.backoff_request_seconds,
            ws.last_attempted_at,
            failure.at AS failed_at,
            ws.last_attempted_at + ws.backoff_request_seconds * interval '1 second' AS requested_end,
            -- A step that failed without a number waits like one that failed once.
            CASE WHEN failure.at IS NOT NULL THEN
                failure.at + LEAST(
                    power(2::double precision, COALESCE(ws.attempts, 1)::double precision) * interval '1 second',
                    interval '30 seconds'
                )
            END AS exponential_end
        FROM public.tasker_workflow_steps ws
        JOIN public.tasker_named_steps ns ON ns.named_step_id = ws.named_step_id
        LEFT JOIN public.tasker_workflow_step_transitions current_row
            ON current_row.workflow_step_id = ws.workflow_step_id AND current_row.most_recent = true
        CROSS JOIN LATERAL (
            SELECT CASE WHEN current_row.to_state = 'error' THEN current_row.created_at END AS at
        ) failure
        CROSS JOIN LATERAL (
            SELECT
                count(*)::integer AS total,
                (count(*) FILTER (WHERE parent_row.to_state IN ('complete', 'resolved_manually')))::integer AS finished
            FROM public.tasker_workflow_step_edges edge
            LEFT JOIN public.tasker_workflow_step_transitions parent_row
                ON parent_row.workflow_step_id = edge.from_step_id AND parent_row.most_recent = true
            WHERE edge.to_step_id = ws.workflow_step_id
        ) parents
        WHERE ws.task_id = input_task_id
            AND (step_ids IS NULL OR ws.workflow_step_id = ANY (step_ids))
    )
    SELECT
        step.workflow_step_id,
        step.task_id,
        step.named_step_id,
        step.name,
        step.current_state,
        step.finished_parents = step.total_parents,
        step.attempts < step.retry_limit,
        step.current_state IN ('pending', 'error')
            AND step.may_run
            AND step.finished_parents = step.total_parents
            AND step.attempts < step.retry_limit
            AND COALESCE(step.requested_end <= now() AT TIME ZONE 'UTC', true)
            AND COALESCE(step.exponential_end <= now() AT TIME ZONE 'UTC', true),
        step.failed_at,
        COALESCE(step.requested_end, step.exponential_end),
        step.total_parents,
        step.finished_parents,
        step.attempts,
        step.retry_limit,
        step.backoff_request_seconds,
        step.last_attempted_at
    FROM step;
END;
$function$;
