-- Triggers on the named tables in `public` that somebody created, as (table, trigger).
SELECT ARRAY[relation.relname::text, trigger.tgname::text]
FROM pg_catalog.pg_trigger trigger
JOIN pg_catalog.pg_class relation ON relation.oid = trigger.tgrelid
JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace AND namespace.nspname = 'public'
WHERE NOT trigger.tgisinternal AND relation.relname = ANY ($1)
ORDER BY relation.relname, trigger.tgname
