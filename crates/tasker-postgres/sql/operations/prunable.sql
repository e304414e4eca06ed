-- How many operations before the instant $1 stand in the log.
select count(*) from tasker_engine.operation where at < $1
