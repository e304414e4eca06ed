-- The job $1 is done, if the $2th time that it was taken was the newest.
delete from tasker_engine.job where job_id = $1 and deliveries = $2 and taken_until is not null returning true as done
