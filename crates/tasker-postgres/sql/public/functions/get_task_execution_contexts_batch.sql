-- Where each listed task stands: one row per element that names a task, by task id.
CREATE FUNCTION public.get_task_execution_contexts_batch(input_task_ids bigint[])
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
    WITH steps AS MATERIALIZED (
        SELECT
            step.task_id,
            count(*) AS total,
            count(*) FILTER (WHERE step.current_state = 'pending') AS pending,
            count(*) FILTER (WHERE step.current_state = 'in_progress') AS in_progress,
            count(*) FILTER (WHERE step.current_state IN ('complete', 'resolved_manually')) AS completed,
            count(*) FILTER (WHERE step.current_state = 'error') AS failed,
            count(*) FILTER (WHERE step.ready_for_execution) AS ready,
            count(*) FILTER (WHERE step.current_state = 'error' AND step.attempts >= step.retry_limit) AS exhausted
        FROM public.get_step_readiness_status_batch(input_task_ids) AS step
        GROUP BY step.task_id
    ),
    listed AS MATERIALIZED (
        SELECT
            task.task_id,
            task.named_task_id,
            COALESCE(current_row.to_state, 'pending')::text AS status,
            COALESCE(steps.total, 0) AS total,
            COALESCE(steps.pending, 0) AS pending,
            COALESCE(steps.in_progress, 0) AS in_progress,
            COALESCE(steps.completed, 0) AS completed,
            COALESCE(steps.failed, 0) AS failed,
            COALESCE(steps.ready, 0) AS ready,
            COALESCE(steps.exhausted, 0) AS exhausted
        FROM unnest(input_task_ids) AS requested (id)
        JOIN public.tasker_tasks task ON task.task_id = requested.id
        LEFT JOIN public.tasker_task_transitions current_row
            ON current_row.task_id = task.task_id AND current_row.most_recent = true
        LEFT JOIN steps ON steps.task_id = task.task_id
    )
    SELECT
        listed.task_id,
        listed.named_task_id,
        listed.status,
        listed.total,
        listed.pending,
        listed.in_progress,
        listed.completed,
        listed.failed,
        listed.ready,
        CASE
            WHEN listed.ready > 0 THEN 'has_ready_steps'
            WHEN listed.in_progress > 0 THEN 'processing'
            WHEN listed.exhausted > 0 THEN 'blocked_by_failures'
            WHEN listed.total > 0 AND listed.completed = listed.total THEN 'all_complete'
            ELSE 'waiting_for_dependencies'
        END,
        CASE
            WHEN listed.ready > 0 THEN 'execute_ready_steps'
            WHEN listed.in_progress > 0 THEN 'wait_for_completion'
            WHEN listed.exhausted > 0 THEN 'handle_failures'
            WHEN listed.total > 0 AND listed.completed = listed.total THEN 'finalize_task'
            ELSE 'wait_for_dependencies'
        END,
        CASE
            WHEN listed.total = 0 THEN 0.0
            ELSE round(100 * listed.completed::numeric / listed.total, 2)
        END,
        CASE
            WHEN listed.failed = 0 THEN 'healthy'
            WHEN listed.ready > 0 THEN 'recovering'
            WHEN listed.exhausted > 0 THEN 'blocked'
            ELSE 'recovering'
        END
    FROM listed
    ORDER BY listed.task_id;
END;
$function$;
