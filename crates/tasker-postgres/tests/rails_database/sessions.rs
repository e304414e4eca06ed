//! Roles whose settings are not ours: another time zone, another search path with tables and functions of the same names.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool};
use tasker_domain::template::{Source, parse};
use tasker_postgres::ledger::{Ledger, NewWorker};
use tasker_postgres::maintenance::{
    Access, Reindex, grant, leave, plan_reshape, rails_versions, reindex, reshape, status, tasks_of_others,
};
use tasker_postgres::schema::{Policy, ReadinessFunctions, Shape, adopt, compare, ensure, readiness_functions};
use tasker_testing::rails::FunctionMigration;

use crate::support::{Rails, run};

/// The pool of a role, the owner of everything, that lives in Tokyo and finds other things first.
async fn stranger(rails: &Rails) -> (PgPool, String) {
    let role = format!("stranger_{}", &rails.database.name()[12..40]);
    run(
        rails.pool(),
        &format!(
            "CREATE SCHEMA elsewhere;
             CREATE TABLE elsewhere.tasker_tasks (task_id text); CREATE TABLE elsewhere.tasker_workflow_steps (id int);
             CREATE TABLE elsewhere.schema_migrations (version int); CREATE TABLE elsewhere.queue (id int);
             CREATE FUNCTION elsewhere.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT timestamptz ''1999-01-01''';
             CREATE FUNCTION elsewhere.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT timestamptz ''1999-01-01''';
             CREATE ROLE {role} SUPERUSER LOGIN;
             ALTER ROLE {role} SET search_path = elsewhere, pg_catalog;
             ALTER ROLE {role} SET timezone = 'Asia/Tokyo';
             ALTER ROLE {role} SET datestyle = 'German, DMY';
             ALTER ROLE {role} SET intervalstyle = 'sql_standard';
             ALTER ROLE {role} SET default_transaction_isolation = 'serializable'"
        ),
    )
    .await;
    // The driver asks for UTC when it connects; a pooler would not pass that on.
    let options = rails.database.options().username(&role);
    let pool = sqlx::postgres::PgPoolOptions::new()
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::raw_sql("SET TimeZone = 'Asia/Tokyo'").execute(connection).await?;
                Ok(())
            })
        })
        .connect_with(options)
        .await
        .unwrap();
    (pool, role)
}

async fn first(pool: &PgPool, sql: &str) -> String {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_role_of_another_zone_and_path_sees_and_writes_the_same() {
    let rails = Rails::new(FunctionMigration::Second).await;
    let usual = rails.pool();
    let (strange, role) = stranger(&rails).await;
    assert_eq!(first(&strange, "SHOW TimeZone").await, "Asia/Tokyo");
    assert_eq!(first(&strange, "SHOW search_path").await, "elsewhere, pg_catalog");

    let mut connection = strange.acquire().await.unwrap();
    assert!(compare(&mut connection).await.unwrap().is_strictly_equal());
    assert_eq!(readiness_functions(&mut connection).await.unwrap(), ReadinessFunctions::SecondMigration);
    drop(connection);
    assert_eq!(adopt(&strange).await.unwrap().engine.from, None);
    assert_eq!(ensure(&strange, Policy::External).await.unwrap().shape, Shape::Full);
    reindex(&strange, Reindex::default(), |_| {}).await.unwrap();
    assert_eq!(tasks_of_others(&strange).await.unwrap(), tasks_of_others(usual).await.unwrap());
    assert_eq!(plan_reshape(&strange, Shape::Full).await.unwrap().changes, []);
    run(usual, "DROP INDEX public.tasks_tags_idx").await;
    assert_eq!(reshape(&strange, Shape::Full, Duration::from_secs(10), |_| {}).await.unwrap().plan.changes.len(), 1);
    let versions = ["20250720000001".to_owned(), "20250720000009".to_owned()];
    let written = rails_versions(&strange, &versions, None).await.unwrap();
    assert_eq!((written.added, written.tables_made), (vec![versions[1].clone()], false));
    assert!(!grant(&strange, &role, Access::Worker).await.unwrap().statements.is_empty());
    let (theirs, ours) = (status(&strange).await.unwrap(), status(usual).await.unwrap());
    assert_eq!(
        serde_json::to_value(&theirs.tasks).unwrap(),
        serde_json::to_value(&ours.tasks).unwrap(),
        "what stands there is the same for both"
    );
    let oldest = theirs.oldest_unfinished.unwrap();
    let apart = oldest.age_seconds - ours.oldest_unfinished.unwrap().age_seconds;
    assert!(apart.abs() < 600.0, "{apart} s: nine hours would be the zone's");
    // A call of the ledger writes instants in UTC.
    let template = parse(
        &Source::new(
            "t.yaml",
            "name: t\ntask_handler_class: T\nnamespace_name: n\nversion: 1.0.0\nstep_templates: [{ name: a, handler_class: H }]\n"
                .to_owned(),
        ),
        None,
    )
    .unwrap()
    .template;
    let (here, there) = (Ledger::new(usual.clone()), Ledger::new(strange.clone()));
    let registered = there.register(&template, false).await.unwrap();
    assert_eq!(here.register(&template, false).await.unwrap().definition_id, registered.definition_id);
    let worker = there
        .start_worker(&NewWorker {
            name: "stranger",
            lease: Duration::from_secs(60),
            concurrency: 1,
            task_id: None,
            queues: None,
            handlers: None,
            types: &[],
            templates: None,
        })
        .await
        .unwrap();
    assert!(there.heartbeat(worker, &[]).await.unwrap().alive);
    assert!(here.heartbeat(worker, &[]).await.unwrap().alive);
    let off: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM public.tasker_named_tasks WHERE abs(extract(epoch FROM created_at - (now() AT TIME ZONE 'UTC'))) > 600
            AND name = 't') + (SELECT count(*) FROM tasker_engine.worker WHERE abs(extract(epoch FROM seen_at - now())) > 600)",
    )
    .fetch_one(usual)
    .await
    .unwrap();
    assert_eq!(off, 0, "instants are off");
    there.stop_worker(worker).await.unwrap();
    leave(&strange).await.unwrap();
    let nothing: Option<String> =
        sqlx::query_scalar("SELECT to_regnamespace('tasker_engine')::text").fetch_one(usual).await.unwrap();
    assert_eq!(nothing, None);
    assert_eq!(first(&strange, "SELECT count(*)::text FROM elsewhere.schema_migrations").await, "0");
    strange.close().await;
    run(usual, &format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}")).await;
    rails.database.drop().await;
}
