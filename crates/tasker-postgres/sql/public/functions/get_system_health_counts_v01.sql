-- Counts over the whole database. A task or step without transitions counts in its total only; the three counts of
-- retries take the columns as they are, so an unknown number of attempts or an unknown limit falls out of them.
CREATE FUNCTION public.get_system_health_counts_v01()
RETURNS TABLE (
    total_tasks bigint,
    pending_tasks bigint,
    in_progress_tasks bigint,
    complete_tasks bigint,
    error_tasks bigint,
    cancelled_tasks bigint,
    total_steps bigint,
    pending_steps bigint,
    in_progress_steps bigint,
    complete_steps bigint,
    error_steps bigint,
    retryable_error_steps bigint,
    exhausted_retry_steps bigint,
    in_backoff_steps bigint,
    active_connections bigint,
    max_connections bigint
)
LANGUAGE plpgsql STABLE
AS $function$
BEGIN
    RETURN QUERY
    SELECT
        (SELECT count(*) FROM public.tasker_tasks),
        tasks.pending,
        tasks.in_progress,
        tasks.complete,
        tasks.error,
        tasks.cancelled,
        (SELECT count(*) FROM public.tasker_workflow_steps),
        steps.pending,
        steps.in_progress,
        steps.complete,
        steps.error,
        failures.retryable,
        failures.exhausted,
        failures.tried,
        (
            SELECT count(*) FROM pg_catalog.pg_stat_activity session
            WHERE session.datname = current_database() AND session.state = 'active'
        ),
        current_setting('max_connections')::bigint
    FROM (
        SELECT
            count(*) FILTER (WHERE transition.to_state = 'pending') AS pending,
            count(*) FILTER (WHERE transition.to_state = 'in_progress') AS in_progress,
            count(*) FILTER (WHERE transition.to_state = 'complete') AS complete,
            count(*) FILTER (WHERE transition.to_state = 'error') AS error,
            count(*) FILTER (WHERE transition.to_state = 'cancelled') AS cancelled
        FROM public.tasker_task_transitions transition
        WHERE transition.most_recent = true
    ) tasks
    CROSS JOIN (
        SELECT
            count(*) FILTER (WHERE transition.to_state = 'pending') AS pending,
            count(*) FILTER (WHERE transition.to_state = 'in_progress') AS in_progress,
            count(*) FILTER (WHERE transition.to_state = 'complete') AS complete,
            count(*) FILTER (WHERE transition.to_state = 'error') AS error
        FROM public.tasker_workflow_step_transitions transition
        WHERE transition.most_recent = true
    ) steps
    CROSS JOIN (
        SELECT
            count(*) FILTER (WHERE ws.attempts < ws.retry_limit AND ws.retryable) AS retryable,
            count(*) FILTER (WHERE ws.attempts >= ws.retry_limit) AS exhausted,
            count(*) FILTER (
                WHERE ws.attempts < ws.retry_limit AND ws.retryable AND ws.last_attempted_at IS NOT NULL
            ) AS tried
        FROM public.tasker_workflow_step_transitions transition
        JOIN public.tasker_workflow_steps ws ON ws.workflow_step_id = transition.workflow_step_id
        WHERE transition.most_recent = true AND transition.to_state = 'error'
    ) failures;
END;
$function$;
