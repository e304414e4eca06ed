-- Bytes of the index $1 in `public`; null when it is not there.
select pg_relation_size(to_regclass('public.' || quote_ident($1)))
