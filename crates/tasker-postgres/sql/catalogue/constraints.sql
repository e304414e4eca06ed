-- Constraints of the named tables in `public`, one text array a row, as in `reference/schema.constraints.csv`.
-- Nullability is a property of the column there; servers from 18 on list it among the constraints, which is left out.
SELECT ARRAY[
    relation.relname::text,
    rule.conname::text,
    CASE rule.contype
        WHEN 'p' THEN 'pk' WHEN 'f' THEN 'fk' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check' ELSE rule.contype::text
    END,
    COALESCE(
        (
            SELECT string_agg(attribute.attname, ';' ORDER BY member.place)
            FROM unnest(rule.conkey) WITH ORDINALITY AS member (number, place)
            JOIN pg_catalog.pg_attribute attribute
                ON attribute.attrelid = rule.conrelid AND attribute.attnum = member.number
        ),
        ''
    ),
    COALESCE(referenced.relname::text, ''),
    COALESCE(
        (
            SELECT string_agg(attribute.attname, ';' ORDER BY member.place)
            FROM unnest(rule.confkey) WITH ORDINALITY AS member (number, place)
            JOIN pg_catalog.pg_attribute attribute
                ON attribute.attrelid = rule.confrelid AND attribute.attnum = member.number
        ),
        ''
    ),
    CASE rule.confdeltype
        WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null'
        WHEN 'd' THEN 'set default' ELSE ''
    END,
    CASE rule.confupdtype
        WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null'
        WHEN 'd' THEN 'set default' ELSE ''
    END,
    CASE WHEN rule.condeferrable THEN 'yes' ELSE 'no' END,
    CASE WHEN rule.condeferred THEN 'yes' ELSE 'no' END,
    CASE WHEN rule.convalidated THEN 'yes' ELSE 'no' END,
    COALESCE(pg_get_expr(rule.conbin, rule.conrelid), '')
]
FROM pg_catalog.pg_constraint rule
JOIN pg_catalog.pg_class relation ON relation.oid = rule.conrelid AND relation.relkind IN ('r', 'p')
JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace AND namespace.nspname = 'public'
LEFT JOIN pg_catalog.pg_class referenced ON referenced.oid = rule.confrelid
WHERE rule.contype IN ('p', 'f', 'u', 'c', 'x') AND relation.relname = ANY ($1)
ORDER BY relation.relname, rule.conname
