-- Whether the side tables stand beside the record, asked in a way that needs no right on their schema.
select exists (
  select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'tasker_engine' and c.relname = 'task')
