-- The table in which Rails writes what kind of database this is, as Rails makes it.
create table if not exists public.ar_internal_metadata (
  key character varying not null primary key, value character varying,
  created_at timestamp(6) without time zone not null, updated_at timestamp(6) without time zone not null)
