-- The table in which Rails writes which migrations have run, as Rails makes it.
create table if not exists public.schema_migrations (version character varying not null primary key)
