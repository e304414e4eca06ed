-- Takes operations before the instant $1 out of the log; how many they were.
with gone as (
  delete from tasker_engine.operation where at < $1 returning operation_id
)
select count(*) from gone
