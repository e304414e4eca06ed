-- Whoever took the jobs $1, each for the time in $2, keeps them for another $3 seconds from now ($4).
update tasker_engine.job j
set taken_until = greatest(j.taken_until, coalesce($4, clock_timestamp()) + $3 * interval '1 second')
from unnest($1::bigint[], $2::integer[]) h(job_id, deliveries)
where j.job_id = h.job_id and j.deliveries = h.deliveries and j.taken_until is not null
returning j.job_id
