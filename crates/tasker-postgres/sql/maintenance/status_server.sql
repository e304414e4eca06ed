-- The server and the database.
select current_setting('server_version') as server_version, current_database()::text as database,
  pg_database_size(current_database()) as database_bytes, pg_is_in_recovery() as is_standby
