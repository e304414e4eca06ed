-- Columns of the named tables in `public`, one text array a row, as in `reference/schema.columns.csv`.
SELECT ARRAY[
    relation.relname::text,
    attribute.attname::text,
    attribute.attnum::text,
    format_type(attribute.atttypid, attribute.atttypmod),
    CASE WHEN attribute.attnotnull THEN 'no' ELSE 'yes' END,
    COALESCE(pg_get_expr(fallback.adbin, fallback.adrelid), ''),
    COALESCE('pk' || array_position(primary_key.conkey, attribute.attnum), ''),
    attribute.attidentity::text,
    COALESCE(
        (
            SELECT sequence.relname::text
            FROM pg_catalog.pg_depend owned
            JOIN pg_catalog.pg_class sequence ON sequence.oid = owned.objid AND sequence.relkind = 'S'
            WHERE owned.classid = 'pg_catalog.pg_class'::regclass
                AND owned.refclassid = 'pg_catalog.pg_class'::regclass
                AND owned.refobjid = relation.oid
                AND owned.refobjsubid = attribute.attnum
                AND owned.deptype IN ('a', 'i')
            ORDER BY sequence.relname
            LIMIT 1
        ),
        ''
    )
]
FROM pg_catalog.pg_class relation
JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace AND namespace.nspname = 'public'
JOIN pg_catalog.pg_attribute attribute
    ON attribute.attrelid = relation.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
LEFT JOIN pg_catalog.pg_attrdef fallback
    ON fallback.adrelid = relation.oid AND fallback.adnum = attribute.attnum
LEFT JOIN pg_catalog.pg_constraint primary_key
    ON primary_key.conrelid = relation.oid AND primary_key.contype = 'p'
WHERE relation.relkind IN ('r', 'p') AND relation.relname = ANY ($1)
ORDER BY relation.relname, attribute.attnum
