//! Making the schema, and refusing to make it where that would do harm.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use sqlx::PgPool;
use tasker_postgres::engine_schema::MIGRATIONS;
use tasker_postgres::schema::{
    Bootstrapped, Inspection, Policy, PublicObjects, SchemaError, Shape, adopt, bootstrap, compare, default_shape,
    ensure, inspect,
};
use tasker_testing::database::TestDatabase;

/// The version of schema `tasker_engine` that this release makes.
fn newest() -> i32 {
    MIGRATIONS.last().unwrap().0
}

async fn inspected(pool: &PgPool) -> Inspection {
    inspect(&mut pool.acquire().await.unwrap()).await.unwrap()
}

async fn run(pool: &PgPool, sql: &'static str) {
    sqlx::raw_sql(sql).execute(pool).await.unwrap();
}

async fn tables(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT schemaname || '.' || tablename FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn ten_programs_at_once_make_one_schema() {
    let database = TestDatabase::create().await;
    assert_eq!(inspected(database.pool()).await, Inspection::Empty);
    let programs: Vec<_> = (0..10)
        .map(|number| {
            // A session that sees the state of its first statement for ever would not see what it waited for.
            let isolation = if number % 2 == 0 { "serializable" } else { "read committed" };
            let options = database.options().options([("default_transaction_isolation", isolation)]);
            tokio::spawn(async move {
                let pool = PgPool::connect_with(options).await.unwrap();
                let done = bootstrap(&pool, Shape::Lean).await.unwrap();
                pool.close().await;
                done
            })
        })
        .collect();
    let mut created = 0;
    for program in programs {
        let Bootstrapped { public, shape, engine } = program.await.unwrap();
        assert_eq!((shape, engine.to), (Shape::Lean, newest()));
        match public {
            PublicObjects::Created => {
                created += 1;
                assert_eq!(engine.from, None);
            }
            PublicObjects::Found => assert_eq!(engine.from, Some(newest())),
        }
    }
    assert_eq!(created, 1);
    let complete = Inspection::Complete { shape: Shape::Lean, engine_version: Some(newest()) };
    assert_eq!(inspected(database.pool()).await, complete);
    database.drop().await;
}

#[tokio::test]
async fn an_empty_database_gets_the_schema_unasked() {
    for (policy, shape) in [(Policy::Private, Shape::Lean), (Policy::External, Shape::Slim)] {
        let database = TestDatabase::create().await;
        let first = ensure(database.pool(), policy).await.unwrap();
        assert_eq!((first.public, first.shape, first.engine.from), (PublicObjects::Created, shape, None));
        let second = ensure(database.pool(), policy).await.unwrap();
        assert_eq!((second.public, second.shape, second.engine.from), (PublicObjects::Found, shape, Some(newest())));
        database.drop().await;
    }
}

#[tokio::test]
async fn an_applications_database_is_left_alone_until_somebody_asks() {
    let database = TestDatabase::create().await;
    let pool = database.pool();
    run(pool, "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int)").await;
    assert_eq!(inspected(pool).await, Inspection::OtherApplication { tables: vec!["shop.orders".to_owned()] });
    let refused = ensure(pool, Policy::External).await.unwrap_err();
    insta::assert_snapshot!(refused);
    assert!(matches!(adopt(pool).await.unwrap_err(), SchemaError::NothingToAdopt));
    assert_eq!(tables(pool).await, ["shop.orders"]);

    let done = bootstrap(pool, Shape::Full).await.unwrap();
    assert_eq!((done.public, done.shape), (PublicObjects::Created, Shape::Full));
    let of_the_original = tables(pool).await.into_iter().filter(|table| table.starts_with("public.")).count();
    assert_eq!(of_the_original, 13);
    assert_eq!(ensure(pool, Policy::External).await.unwrap().public, PublicObjects::Found);
    database.drop().await;
}

#[tokio::test]
async fn the_originals_tables_are_adopted_when_somebody_asks() {
    let database = TestDatabase::with_shape(Shape::Full).await;
    let pool = database.pool();
    run(
        pool,
        "DROP SCHEMA tasker_engine CASCADE; CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
         CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar)",
    )
    .await;
    assert_eq!(inspected(pool).await, Inspection::Complete { shape: Shape::Full, engine_version: None });
    assert_eq!(default_shape(&mut pool.acquire().await.unwrap()).await.unwrap(), Shape::Full);
    insta::assert_snapshot!(ensure(pool, Policy::External).await.unwrap_err());
    let adopted = adopt(pool).await.unwrap();
    assert_eq!((adopted.public, adopted.shape, adopted.engine.from), (PublicObjects::Found, Shape::Full, None));
    assert_eq!(ensure(pool, Policy::External).await.unwrap().engine.from, Some(newest()));
    database.drop().await;
}

#[tokio::test]
async fn half_a_schema_is_refused_and_nothing_is_written() {
    let database = TestDatabase::with_shape(Shape::Full).await;
    let pool = database.pool();
    run(
        pool,
        "DROP SCHEMA tasker_engine CASCADE; DROP TABLE tasker_workflow_step_edges CASCADE;
         ALTER TABLE tasker_tasks ALTER COLUMN reason TYPE text",
    )
    .await;
    let before = tables(pool).await;
    assert!(matches!(inspected(pool).await, Inspection::Partial { .. }));
    insta::assert_snapshot!(bootstrap(pool, Shape::Lean).await.unwrap_err());
    assert!(matches!(ensure(pool, Policy::Private).await.unwrap_err(), SchemaError::Partial(_)));
    assert!(matches!(adopt(pool).await.unwrap_err(), SchemaError::Partial(_)));
    assert_eq!(tables(pool).await, before);
    database.drop().await;
}

#[tokio::test]
async fn a_function_left_behind_alone_is_half_a_schema() {
    let database = TestDatabase::create().await;
    run(database.pool(), "CREATE FUNCTION get_system_health_counts_v01() RETURNS int LANGUAGE sql AS 'SELECT 1'").await;
    assert!(matches!(inspected(database.pool()).await, Inspection::Partial { .. }));
    database.drop().await;
}

#[tokio::test]
async fn tables_in_another_schema_are_refused_by_name() {
    let database = TestDatabase::with_shape(Shape::Lean).await;
    let pool = database.pool();
    run(pool, "ALTER SCHEMA public RENAME TO workflows; CREATE SCHEMA public").await;
    assert_eq!(inspected(pool).await, Inspection::WrongSchema { schema: "workflows".to_owned() });
    insta::assert_snapshot!(bootstrap(pool, Shape::Lean).await.unwrap_err());
    assert!(matches!(ensure(pool, Policy::Private).await.unwrap_err(), SchemaError::WrongSchema { .. }));
    database.drop().await;
}

#[tokio::test]
async fn a_read_only_database_or_role_is_told_what_to_do() {
    let database = TestDatabase::create().await;
    let read_only = database.options().options([("default_transaction_read_only", "on")]);
    let pool = PgPool::connect_with(read_only).await.unwrap();
    let refused = ensure(&pool, Policy::External).await.unwrap_err();
    assert!(matches!(refused, SchemaError::ReadOnly { .. }), "{refused}");
    insta::assert_snapshot!(refused);
    pool.close().await;

    let role = format!("guest_of_{}", database.name());
    let sql = format!("CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(database.pool()).await.unwrap();
    let pool = PgPool::connect_with(database.options().username(&role)).await.unwrap();
    let refused = ensure(&pool, Policy::External).await.unwrap_err();
    assert!(matches!(refused, SchemaError::NotPermitted { .. }), "{refused}");
    insta::assert_snapshot!(refused.to_string().replace(&role, "ROLE").replace(database.name(), "DATABASE"));
    pool.close().await;
    let sql = format!("DROP ROLE {role}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(database.pool()).await.unwrap();
    assert_eq!(tables(database.pool()).await, Vec::<String>::new());
    database.drop().await;
}

#[tokio::test]
async fn a_complete_schema_needs_no_right_to_write() {
    let database = TestDatabase::with_schema().await;
    let read_only = database.options().options([("default_transaction_read_only", "on")]);
    let pool = PgPool::connect_with(read_only).await.unwrap();
    assert_eq!(ensure(&pool, Policy::External).await.unwrap().public, PublicObjects::Found);
    pool.close().await;
    database.drop().await;
}

#[tokio::test]
async fn another_encoding_is_refused() {
    let database = TestDatabase::create().await;
    let name = format!("{}_latin1", database.name());
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(database.pool()).await.unwrap();
    let pool = PgPool::connect_with(database.options().database(&name)).await.unwrap();
    insta::assert_snapshot!(bootstrap(&pool, Shape::Lean).await.unwrap_err());
    assert_eq!(tables(&pool).await, Vec::<String>::new());
    pool.close().await;
    let sql = format!("DROP DATABASE {name} WITH (FORCE)");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(database.pool()).await.unwrap();
    database.drop().await;
}

#[tokio::test]
async fn the_next_release_works_beside_this_one_and_the_one_after_it_does_not() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    run(pool, "INSERT INTO tasker_engine.migrations SELECT max(version) + 1, 'next' FROM tasker_engine.migrations")
        .await;
    let beside = ensure(pool, Policy::Private).await.unwrap();
    assert_eq!(beside.engine.from, Some(beside.engine.to));
    assert_eq!(bootstrap(pool, Shape::Lean).await.unwrap().engine, beside.engine);
    run(pool, "INSERT INTO tasker_engine.migrations SELECT max(version) + 1, 'far' FROM tasker_engine.migrations")
        .await;
    assert!(matches!(ensure(pool, Policy::Private).await.unwrap_err(), SchemaError::EngineTooNew { .. }));
    assert!(matches!(bootstrap(pool, Shape::Lean).await.unwrap_err(), SchemaError::EngineTooNew { .. }));
    database.drop().await;
}

#[tokio::test]
async fn a_history_of_another_program_is_refused() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    run(pool, "UPDATE tasker_engine.migrations SET name = 'something else' WHERE version = 1").await;
    assert!(matches!(bootstrap(pool, Shape::Lean).await.unwrap_err(), SchemaError::EngineHistory { version: 1, .. }));
    database.drop().await;
}

#[tokio::test]
async fn a_missing_lookup_index_does_not_keep_anybody_out() {
    let database = TestDatabase::with_shape(Shape::Full).await;
    let pool = database.pool();
    run(pool, "DROP INDEX tasks_tags_idx; DROP SCHEMA tasker_engine CASCADE").await;
    assert!(!compare(&mut pool.acquire().await.unwrap()).await.unwrap().is_equal());
    assert_eq!(adopt(pool).await.unwrap().public, PublicObjects::Found);
    database.drop().await;
}
