-- The named sequences in `public`, one text array a row, as in `reference/schema.sequences.csv`.
SELECT ARRAY[
    named.relname::text,
    format_type(sequence.seqtypid, NULL),
    sequence.seqstart::text,
    sequence.seqincrement::text,
    sequence.seqmin::text,
    sequence.seqmax::text,
    sequence.seqcache::text,
    CASE WHEN sequence.seqcycle THEN 'yes' ELSE 'no' END,
    COALESCE(owner_table.relname::text, ''),
    COALESCE(owner_column.attname::text, '')
]
FROM pg_catalog.pg_sequence sequence
JOIN pg_catalog.pg_class named ON named.oid = sequence.seqrelid
JOIN pg_catalog.pg_namespace namespace ON namespace.oid = named.relnamespace AND namespace.nspname = 'public'
LEFT JOIN pg_catalog.pg_depend owned
    ON owned.classid = 'pg_catalog.pg_class'::regclass
    AND owned.objid = named.oid
    AND owned.refclassid = 'pg_catalog.pg_class'::regclass
    AND owned.deptype IN ('a', 'i')
LEFT JOIN pg_catalog.pg_class owner_table ON owner_table.oid = owned.refobjid
LEFT JOIN pg_catalog.pg_attribute owner_column
    ON owner_column.attrelid = owned.refobjid AND owner_column.attnum = owned.refobjsubid
WHERE named.relname = ANY ($1)
ORDER BY named.relname
