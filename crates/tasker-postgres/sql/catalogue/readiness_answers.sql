-- What the two functions say of the steps of the probe, as (attempts of step 1 or nothing, step 2 is eligible or not).
SELECT
    (SELECT ARRAY[(array_agg(attempts) FILTER (WHERE workflow_step_id = 1))[1]::text,
        (array_agg(retry_eligible) FILTER (WHERE workflow_step_id = 2))[1]::text, count(*)::text]
     FROM public.get_step_readiness_status(1)) AS single,
    (SELECT ARRAY[(array_agg(attempts) FILTER (WHERE workflow_step_id = 1))[1]::text,
        (array_agg(retry_eligible) FILTER (WHERE workflow_step_id = 2))[1]::text, count(*)::text]
     FROM public.get_step_readiness_status_batch(ARRAY[1::bigint])) AS batch
