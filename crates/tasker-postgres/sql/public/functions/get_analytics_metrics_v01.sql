-- Figures of the whole database and of the tasks created since an instant (an hour ago unless given).
-- "Completed" and "failed" are said of a task with at least one such step; durations weigh every completed step alike.
CREATE FUNCTION public.get_analytics_metrics_v01(since_timestamp timestamp with time zone DEFAULT NULL)
RETURNS TABLE (
    active_tasks_count bigint,
    total_namespaces_count bigint,
    unique_task_types_count bigint,
    system_health_score numeric,
    task_throughput bigint,
    completion_count bigint,
    error_count bigint,
    completion_rate numeric,
    error_rate numeric,
    avg_task_duration numeric,
    avg_step_duration numeric,
    step_throughput bigint,
    analysis_period_start timestamp with time zone,
    calculated_at timestamp with time zone
)
LANGUAGE plpgsql STABLE
AS $function$
DECLARE
    window_start timestamp with time zone := COALESCE(since_timestamp, now() - interval '1 hour');
    window_start_utc timestamp without time zone := window_start AT TIME ZONE 'UTC';
    hour_start_utc timestamp without time zone := (now() - interval '1 hour') AT TIME ZONE 'UTC';
BEGIN
    RETURN QUERY
    SELECT
        (
            SELECT count(DISTINCT ws.task_id)
            FROM public.tasker_workflow_step_transitions current_row
            JOIN public.tasker_workflow_steps ws ON ws.workflow_step_id = current_row.workflow_step_id
            WHERE current_row.most_recent = true
                AND current_row.to_state NOT IN ('complete', 'error', 'skipped', 'resolved_manually')
        ),
        (
            SELECT count(DISTINCT namespace.name)
            FROM public.tasker_task_namespaces namespace
            JOIN public.tasker_named_tasks definition ON definition.task_namespace_id = namespace.task_namespace_id
            WHERE EXISTS (SELECT 1 FROM public.tasker_tasks task WHERE task.named_task_id = definition.named_task_id)
        ),
        (
            SELECT count(DISTINCT definition.name)
            FROM public.tasker_named_tasks definition
            WHERE EXISTS (SELECT 1 FROM public.tasker_tasks task WHERE task.named_task_id = definition.named_task_id)
        ),
        CASE
            WHEN last_hour.completed + last_hour.failed = 0 THEN 1.0
            ELSE round(last_hour.completed::numeric / (last_hour.completed + last_hour.failed), 3)
        END,
        tasks.created,
        tasks.completed,
        tasks.failed,
        CASE WHEN tasks.created = 0 THEN 0.0 ELSE round(100 * tasks.completed::numeric / tasks.created, 2) END,
        CASE WHEN tasks.created = 0 THEN 0.0 ELSE round(100 * tasks.failed::numeric / tasks.created, 2) END,
        COALESCE(round(steps.since_task, 3), 0.000),
        COALESCE(round(steps.since_step, 3), 0.000),
        steps.created,
        window_start,
        now()
    FROM (
        SELECT count(*) FILTER (WHERE ends.completed) AS completed, count(*) FILTER (WHERE ends.failed) AS failed
        FROM public.tasker_tasks task
        CROSS JOIN LATERAL (
            SELECT COALESCE(bool_or(current_row.to_state = 'complete'), false) AS completed,
                   COALESCE(bool_or(current_row.to_state = 'error'), false) AS failed
            FROM public.tasker_workflow_steps ws
            JOIN public.tasker_workflow_step_transitions current_row
                ON current_row.workflow_step_id = ws.workflow_step_id AND current_row.most_recent = true
            WHERE ws.task_id = task.task_id
        ) ends
        WHERE task.created_at > hour_start_utc
    ) last_hour
    CROSS JOIN (
        SELECT
            count(*) AS created,
            count(*) FILTER (WHERE ends.completed) AS completed,
            count(*) FILTER (WHERE ends.failed) AS failed
        FROM public.tasker_tasks task
        CROSS JOIN LATERAL (
            SELECT COALESCE(bool_or(current_row.to_state = 'complete'), false) AS completed,
                   COALESCE(bool_or(current_row.to_state = 'error'), false) AS failed
            FROM public.tasker_workflow_steps ws
            JOIN public.tasker_workflow_step_transitions current_row
                ON current_row.workflow_step_id = ws.workflow_step_id AND current_row.most_recent = true
            WHERE ws.task_id = task.task_id
        ) ends
        WHERE task.created_at > window_start_utc
    ) tasks
    CROSS JOIN (
        SELECT
            count(*) AS created,
            avg(EXTRACT(EPOCH FROM completion.created_at - task.created_at)) AS since_task,
            avg(EXTRACT(EPOCH FROM completion.created_at - ws.created_at)) AS since_step
        FROM public.tasker_tasks task
        JOIN public.tasker_workflow_steps ws ON ws.task_id = task.task_id
        LEFT JOIN public.tasker_workflow_step_transitions completion
            ON completion.workflow_step_id = ws.workflow_step_id
            AND completion.most_recent = true
            AND completion.to_state = 'complete'
        WHERE task.created_at > window_start_utc
    ) steps;
END;
$function$;
