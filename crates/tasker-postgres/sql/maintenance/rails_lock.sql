-- Rails' own lock around its migrations, until the end of the transaction; false when Rails holds it.
select pg_try_advisory_xact_lock($1)
