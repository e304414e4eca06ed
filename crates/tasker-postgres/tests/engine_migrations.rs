//! Our own schema: every migration from every earlier state, with data in it.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgPool};
use tasker_postgres::engine_schema::MIGRATIONS;
use tasker_postgres::maintenance::{Access, Reindex, leave, plan_grants, reindex, status};
use tasker_postgres::schema::{Policy, Shape, adopt, bootstrap, ensure};
use tasker_testing::TestDatabase;

const RELEASED: &str = include_str!("../reference/released_functions.tsv");

/// What a database of each version holds before the next migration comes: a registered definition, a finished task, one
/// half done. A migration that adds a table adds its rows here, under its own number.
const DATA: &[(i32, &str)] = &[(
    1,
    "SELECT tasker_engine.register_definition_1('ns', 'kept', '1.0.0', '', false, '{}', 'hash', false,
       '{a,b}', '{\"\",\"\"}', '{s,s}', '{default,default}', '{H,H}', '{0,0}', '{3,3}', '{3,3}', '{true,true}', '{false,false}', '{NULL,NULL}', '{1}', '{0}');
     INSERT INTO tasker_engine.worker (name, lease) VALUES ('w', interval '1 hour');
     SELECT tasker_engine.exchange_1(1, 'w', 1, false, false, '{}', '{}', '{}', '{}', '{}', '{}', '{}', 1, 1, '{1}', false, NULL, false, false,
       '{1,1}', '{\"{}\",\"{}\"}', '{k1,k2}', '{\"{}\",\"{}\"}', '{false,false}', '{NULL,NULL}', '{NULL,NULL}', NULL);
     SELECT tasker_engine.exchange_1(1, 'w', 2, false, false, (SELECT array_agg(step_id) FROM tasker_engine.queue WHERE owner = 1), '{1}', '{s}',
       '{\"{}\"}', '{0}', '{NULL}', '{NULL}', 1, 1, '{1}', false, NULL, false, false, '{}', '{}', '{}', '{}', '{}', '{}', '{}', NULL);",
)];

async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
}

/// A database as the release with this migration left it, with data.
async fn at_version(version: i32) -> TestDatabase {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    run(pool, "DROP SCHEMA tasker_engine CASCADE").await;
    for (number, name, sql) in MIGRATIONS.iter().filter(|(number, _, _)| *number <= version) {
        run(pool, sql).await;
        sqlx::query("INSERT INTO tasker_engine.migrations (version, name) VALUES ($1, $2)")
            .bind(number)
            .bind(name)
            .execute(pool)
            .await
            .unwrap();
        for (_, data) in DATA.iter().filter(|(of, _)| of == number) {
            run(pool, data).await;
        }
    }
    database
}

/// Everything that schema `tasker_engine` consists of, one line each.
async fn objects(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT format('column %s.%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
           (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum))
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'tasker_engine'::regnamespace AND c.relkind = 'r'
         UNION ALL SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'tasker_engine'
         UNION ALL SELECT format('constraint %s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'tasker_engine'::regnamespace
         UNION ALL SELECT format('options %s %s', relname, reloptions) FROM pg_class WHERE relnamespace = 'tasker_engine'::regnamespace AND relkind = 'r'
         UNION ALL SELECT format('function %s', pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace = 'tasker_engine'::regnamespace
         ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

/// Bodies of the functions by signature.
async fn functions(pool: &PgPool) -> BTreeMap<String, String> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT format('%s(%s)', proname, pg_get_function_identity_arguments(oid)), prosrc FROM pg_proc WHERE pronamespace = 'tasker_engine'::regnamespace",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    rows.into_iter().collect()
}

async fn rows(pool: &PgPool) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT relname::text, (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM tasker_engine.%I', relname), false, true, '')))[1]::text::bigint
         FROM pg_class WHERE relnamespace = 'tasker_engine'::regnamespace AND relkind = 'r' AND relname <> 'migrations' ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[test]
fn migrations_are_numbered_without_gaps_and_each_has_data() {
    for (place, (number, name, sql)) in MIGRATIONS.iter().enumerate() {
        assert_eq!(*number, place as i32 + 1);
        assert!(!name.is_empty() && !sql.is_empty());
        assert!(DATA.iter().any(|(of, _)| of == number), "data for version {number} is to be given in this test");
    }
}

#[tokio::test]
async fn every_earlier_state_becomes_the_same_and_keeps_its_data() {
    let fresh = TestDatabase::with_schema().await;
    let expected = objects(fresh.pool()).await;
    assert!(expected.len() > 50, "the schema is looked at");
    let newest = MIGRATIONS.last().unwrap().0;
    for version in 0..=newest {
        let database = at_version(version).await;
        let pool = database.pool();
        let (old_rows, old_functions) =
            if version == 0 { (Vec::new(), BTreeMap::new()) } else { (rows(pool).await, functions(pool).await) };
        if version > 0 {
            for table in ["definition", "lane", "queue", "task", "worker"] {
                assert!(old_rows.iter().any(|(name, number)| name == table && *number > 0), "{table} holds rows");
            }
        }
        let done = adopt(pool).await.unwrap().engine;
        assert_eq!((done.from, done.to), ((version > 0).then_some(version), newest));
        assert_eq!(objects(pool).await, expected, "from version {version}");
        let new_rows = rows(pool).await;
        for row in &old_rows {
            assert!(new_rows.contains(row), "from version {version}: {row:?} became {new_rows:?}");
        }
        // A worker of the previous release goes on: what it calls is there, unchanged.
        let new_functions = functions(pool).await;
        for (signature, body) in old_functions {
            assert_eq!(new_functions.get(&signature), Some(&body), "from version {version}: {signature}");
        }
        let again = bootstrap(pool, Shape::Lean).await.unwrap().engine;
        assert_eq!(again.from, Some(newest), "a second time nothing happens");
        assert_eq!(rows(pool).await, new_rows);
        database.drop().await;
    }
    fresh.drop().await;
}

/// Steps of the two tasks of [`DATA`] by state, and the tasks' own.
async fn states(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT format('step %s', x.to_state) FROM tasker_workflow_step_transitions x WHERE x.most_recent
         UNION ALL SELECT format('task %s', x.to_state) FROM tasker_task_transitions x WHERE x.most_recent ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

/// What the data of a version does is what a worker of that release calls: registering, creating, claiming, recording
/// outcomes. It must go on doing so on the newest schema, and with the same rows.
#[tokio::test]
async fn a_worker_of_every_earlier_release_works_on_the_newest_schema() {
    for (version, ..) in MIGRATIONS {
        let then = at_version(*version).await;
        let now = TestDatabase::with_schema().await;
        for (_, data) in DATA.iter().filter(|(of, _)| of <= version) {
            run(now.pool(), data).await;
        }
        let expected = states(then.pool()).await;
        assert!(expected.contains(&"step complete".to_owned()), "{expected:?}");
        assert_eq!(states(now.pool()).await, expected, "release {version}");
        assert_eq!(reindex(now.pool(), Reindex::default(), |_| {}).await.unwrap().unfit, [] as [i64; 0]);
        then.drop().await;
        now.drop().await;
    }
}

/// What a next release may do: add a column with a default, a table, an index, a function under a new name.
#[tokio::test]
async fn a_worker_of_this_release_works_while_the_schema_is_ahead_by_one() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    run(
        pool,
        "ALTER TABLE tasker_engine.queue ADD COLUMN added integer NOT NULL DEFAULT 7;
         ALTER TABLE tasker_engine.task ADD COLUMN added text;
         ALTER TABLE tasker_engine.worker ADD COLUMN added jsonb NOT NULL DEFAULT '{}';
         CREATE INDEX added_index ON tasker_engine.queue (added);
         CREATE TABLE tasker_engine.added (id integer);
         CREATE FUNCTION tasker_engine.exchange_999(p_worker integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
         INSERT INTO tasker_engine.migrations (version, name) SELECT max(version) + 1, 'next' FROM tasker_engine.migrations",
    )
    .await;
    let newest = MIGRATIONS.last().unwrap().0;
    assert_eq!(ensure(pool, Policy::External).await.unwrap().engine.to, newest + 1);
    for (_, data) in DATA {
        run(pool, data).await;
    }
    assert!(states(pool).await.contains(&"step complete".to_owned()));
    assert_eq!(reindex(pool, Reindex::default(), |_| {}).await.unwrap().unfit, [] as [i64; 0]);
    assert_eq!(status(pool).await.unwrap().engine_version, Some(newest + 1));
    assert!(!plan_grants(pool, "postgres", Access::Worker).await.unwrap().statements.is_empty());
    run(pool, "UPDATE tasker_engine.worker SET lost = true").await;
    leave(pool).await.unwrap();
    database.drop().await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_and_no_lock() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    run(pool, "DROP SCHEMA tasker_engine CASCADE; CREATE SCHEMA tasker_engine; CREATE TABLE tasker_engine.queue (theirs integer)")
        .await;
    let before = objects(pool).await;
    let refused = adopt(pool).await.unwrap_err();
    assert!(refused.to_string().contains("relation \"queue\" already exists"), "{refused}");
    assert_eq!(objects(pool).await, before);
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(sqlx::query_scalar::<_, i64>(held).fetch_one(pool).await.unwrap(), 0);
    run(pool, "DROP SCHEMA tasker_engine CASCADE").await;
    assert_eq!(adopt(pool).await.unwrap().engine.from, None);
    assert_eq!(
        sqlx::query_scalar::<_, i64>(held).fetch_one(pool).await.unwrap(),
        0,
        "the lock ends with the transaction"
    );
    database.drop().await;
}

/// What the list of released functions says against what is made; empty when all is well.
fn broken_promises(list: &str, made: &BTreeMap<String, String>) -> Vec<String> {
    let lines = list.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines
        .filter_map(|line| {
            let Some((signature, released)) = line.split_once('\t') else {
                return Some(format!("{line:?} is not a signature and a sum, separated by a tab"));
            };
            let Some(body) = made.get(signature) else {
                return Some(format!("{signature} was released and is gone"));
            };
            let sum: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
            (sum != released).then(|| format!("{signature} was released with another body; its sum is now {sum}"))
        })
        .collect()
}

#[tokio::test]
async fn released_functions_are_as_they_were_released() {
    let database = TestDatabase::with_schema().await;
    let made = functions(database.pool()).await;
    assert_eq!(broken_promises(RELEASED, &made), Vec::<String>::new());

    // And the comparison notices what it is there for.
    let (signature, body) = made.first_key_value().unwrap();
    let sum: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    let list = |line: &str| format!("# words\nsignature\tsha256\n{line}\n");
    assert_eq!(broken_promises(&list(&format!("{signature}\t{sum}")), &made), Vec::<String>::new());
    for wrong in [format!("{signature}\t{}", "0".repeat(64)), format!("exchange_0()\t{sum}"), signature.clone()] {
        assert_eq!(broken_promises(&list(&wrong), &made).len(), 1, "{wrong}");
    }
    database.drop().await;
}

#[tokio::test]
async fn every_table_is_known_to_the_rights_and_to_leaving() {
    let database = TestDatabase::with_schema().await;
    let rights = include_str!("../sql/maintenance/rights.tsv");
    let locks = include_str!("../sql/maintenance/lock_engine.sql");
    let tables = [vec![("migrations".to_owned(), 0)], rows(database.pool()).await].concat();
    assert!(tables.len() > 9);
    for (table, _) in tables {
        let name = format!("tasker_engine.{table}");
        assert!(rights.lines().any(|line| line.starts_with(&format!("table\t{name}\t"))), "rights.tsv lacks {name}");
        let locked = locks.split([',', ' ', '\n']).any(|word| word == name);
        assert!(locked, "lock_engine.sql lacks {name}");
    }
    database.drop().await;
}
