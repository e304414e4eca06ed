-- Columns of the named views in `public`, one text array a row, as in `reference/schema.views.csv`.
SELECT ARRAY[
    relation.relname::text,
    attribute.attname::text,
    attribute.attnum::text,
    format_type(attribute.atttypid, attribute.atttypmod)
]
FROM pg_catalog.pg_class relation
JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace AND namespace.nspname = 'public'
JOIN pg_catalog.pg_attribute attribute
    ON attribute.attrelid = relation.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
WHERE relation.relkind = 'v' AND relation.relname = ANY ($1)
ORDER BY relation.relname, attribute.attnum
