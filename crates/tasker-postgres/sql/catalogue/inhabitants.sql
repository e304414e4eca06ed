-- Who lives in the database. $1: names of our tables, $2: of our views and sequences, $3: of our functions.
SELECT
    ARRAY(
        SELECT relation.relname::text
        FROM pg_catalog.pg_class relation
        JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace
        WHERE namespace.nspname = 'public' AND relation.relkind IN ('r', 'p') AND relation.relname = ANY ($1)
        ORDER BY relation.relname
    ) AS tables,
    ARRAY(
        SELECT relation.relname::text
        FROM pg_catalog.pg_class relation
        JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace
        WHERE namespace.nspname = 'public' AND relation.relname = ANY ($1 || $2)
            AND NOT (relation.relkind IN ('r', 'p') AND relation.relname = ANY ($1))
        UNION
        SELECT function.proname::text
        FROM pg_catalog.pg_proc function
        JOIN pg_catalog.pg_namespace namespace ON namespace.oid = function.pronamespace
        WHERE namespace.nspname = 'public' AND function.proname = ANY ($3)
        ORDER BY 1
    ) AS others,
    (
        SELECT namespace.nspname::text
        FROM pg_catalog.pg_class relation
        JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace
        WHERE namespace.nspname <> 'public' AND relation.relkind IN ('r', 'p')
            AND relation.relname IN ('tasker_tasks', 'tasker_workflow_steps')
        GROUP BY namespace.nspname
        HAVING count(*) = 2
        ORDER BY namespace.nspname
        LIMIT 1
    ) AS elsewhere,
    ARRAY(
        SELECT namespace.nspname || '.' || relation.relname
        FROM pg_catalog.pg_class relation
        JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace
        WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'f')
            AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'tasker_engine')
            AND namespace.nspname NOT LIKE 'pg\_toast%' AND namespace.nspname NOT LIKE 'pg\_temp%'
            AND NOT (namespace.nspname = 'public' AND relation.relname = ANY ($1 || $2))
            -- What an extension brought along is not an application's.
            AND NOT EXISTS (
                SELECT 1 FROM pg_catalog.pg_depend member
                WHERE member.classid = 'pg_catalog.pg_class'::regclass
                    AND member.objid = relation.oid AND member.deptype = 'e'
            )
        ORDER BY 1
    ) AS foreign_tables,
    to_regclass('public.schema_migrations') IS NOT NULL AND to_regclass('public.ar_internal_metadata') IS NOT NULL
        AS has_rails_bookkeeping
