-- The job $1, taken for the $2th time, waits again: until $3, or $4 seconds from now, or now. $5 is now.
select tasker_engine.put_back_job_1($1, $2, coalesce($3, n.now + coalesce($4, 0) * interval '1 second'), n.now) as done
from (select coalesce($5, clock_timestamp()) as now) n
