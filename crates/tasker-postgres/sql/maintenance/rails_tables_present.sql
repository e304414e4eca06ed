-- Which of Rails' two tables are there.
select to_regclass('public.schema_migrations') is not null as migrations,
  to_regclass('public.ar_internal_metadata') is not null as metadata
