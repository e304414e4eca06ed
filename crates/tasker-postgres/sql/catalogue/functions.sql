-- Arguments and result columns of the named functions in `public`, as in `reference/schema.functions.csv`; before them
-- the identity of the function, which tells functions of one name apart.
SELECT ARRAY[
    function.oid::text,
    function.proname::text,
    CASE WHEN part.mode IN ('i', 'b', 'v') THEN 'argument' ELSE 'result' END,
    COALESCE(part.name, ''),
    format_type(part.type, NULL),
    CASE WHEN part.mode IN ('i', 'b', 'v') THEN
        COALESCE(pg_get_function_arg_default(function.oid, part.place::integer), '')
    ELSE '' END,
    CASE function.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
    CASE WHEN function.proisstrict THEN 'yes' ELSE 'no' END,
    CASE WHEN function.prosecdef THEN 'yes' ELSE 'no' END,
    CASE function.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
    language.lanname::text
]
FROM pg_catalog.pg_proc function
JOIN pg_catalog.pg_namespace namespace ON namespace.oid = function.pronamespace AND namespace.nspname = 'public'
JOIN pg_catalog.pg_language language ON language.oid = function.prolang
CROSS JOIN LATERAL (
    SELECT listed.type, COALESCE(function.proargmodes[listed.place], 'i') AS mode,
           function.proargnames[listed.place] AS name, listed.place
    FROM unnest(COALESCE(function.proallargtypes, function.proargtypes::oid[])) WITH ORDINALITY
        AS listed (type, place)
    UNION ALL
    -- A function without declared result columns answers with its return type alone.
    SELECT function.prorettype, 't', NULL, 32767
    WHERE NOT COALESCE(function.proargmodes && ARRAY['o', 'b', 't']::"char"[], false)
) part
WHERE function.prokind = 'f' AND function.proname = ANY ($1)
ORDER BY function.proname, function.oid, part.place
