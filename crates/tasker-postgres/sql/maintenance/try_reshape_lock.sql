-- Keeps others from changing the shape as long as this session lasts; false when somebody does so now. The key is the
-- letters `tasker` and a number.
select pg_try_advisory_lock(x'7461736b65720002'::bigint)
