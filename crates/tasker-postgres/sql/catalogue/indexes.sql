-- Indexes of the named tables in `public`, one text array a row, as in `reference/schema.indexes.csv`. One that a failed
-- build left unusable says so in its method.
SELECT ARRAY[
    relation.relname::text,
    named.relname::text,
    CASE WHEN index.indisunique THEN 'yes' ELSE 'no' END,
    CASE WHEN index.indisprimary THEN 'yes' ELSE 'no' END,
    (
        SELECT string_agg(
            pg_get_indexdef(index.indexrelid, part, true)
                || CASE WHEN method.amname <> 'btree' THEN ''
                        WHEN index.indoption[part - 1] & 1 = 1 THEN ' desc' ELSE ' asc' END
                -- Ascending keys have their nulls last and descending ones first unless said otherwise.
                || CASE WHEN method.amname <> 'btree' OR index.indoption[part - 1] IN (0, 3) THEN ''
                        WHEN index.indoption[part - 1] & 2 = 2 THEN ' nulls first' ELSE ' nulls last' END
                || CASE WHEN operators.opcdefault THEN '' ELSE ' [' || operators.opcname || ']' END,
            ';' ORDER BY part
        )
        FROM generate_series(1, index.indnkeyatts) AS part
        JOIN pg_catalog.pg_opclass operators ON operators.oid = index.indclass[part - 1]
    ),
    method.amname || CASE WHEN index.indisvalid THEN '' ELSE ' (not usable)' END,
    COALESCE(pg_get_expr(index.indpred, index.indrelid, true), ''),
    COALESCE(
        (
            SELECT string_agg(pg_get_indexdef(index.indexrelid, part, true), ';' ORDER BY part)
            FROM generate_series(index.indnkeyatts + 1, index.indnatts) AS part
        ),
        ''
    )
]
FROM pg_catalog.pg_index index
JOIN pg_catalog.pg_class named ON named.oid = index.indexrelid
JOIN pg_catalog.pg_am method ON method.oid = named.relam
JOIN pg_catalog.pg_class relation ON relation.oid = index.indrelid AND relation.relkind IN ('r', 'p')
JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace AND namespace.nspname = 'public'
WHERE relation.relname = ANY ($1)
ORDER BY relation.relname, named.relname
