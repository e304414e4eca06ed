-- What the server has written so far, for all databases together.
select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint as wal_bytes,
  (select wal_fpi::bigint from pg_stat_wal) as wal_page_images
