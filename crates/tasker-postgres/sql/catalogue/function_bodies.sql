-- Name and body of the named functions in `public`.
SELECT ARRAY[function.proname::text, function.prosrc]
FROM pg_catalog.pg_proc function
JOIN pg_catalog.pg_namespace namespace ON namespace.oid = function.pronamespace AND namespace.nspname = 'public'
WHERE function.prokind = 'f' AND function.proname = ANY ($1)
ORDER BY function.proname, function.oid
