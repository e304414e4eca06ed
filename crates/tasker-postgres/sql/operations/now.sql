-- The database's present instant.
select clock_timestamp() as now
