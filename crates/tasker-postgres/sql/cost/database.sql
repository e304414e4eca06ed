-- What sessions of this database have reported so far; one reports at the latest when it ends. Commits are those of the
-- whole database, rows those of the schemas that are named.
select xact_commit as commits,
  (select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint from pg_stat_all_tables where schemaname = any($1)) as rows_written,
  (select coalesce(sum(n_tup_hot_upd), 0)::bigint from pg_stat_all_tables where schemaname = any($1)) as hot_updates,
  (select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()) as others
from pg_stat_database where datname = current_database()
