//! `adopt`: at either of Rails' two migrations, by several programs, and where it must not happen.

use tasker_postgres::PgPool;
use tasker_postgres::engine_schema::MIGRATIONS;
use tasker_postgres::maintenance::{Reindex, reindex, tasks_of_others};
use tasker_postgres::schema::{
    Inspection, PublicObjects, ReadinessFunctions, SchemaError, Shape, adopt, bootstrap, compare, inspect,
    readiness_functions,
};
use tasker_testing::TestDatabase;
use tasker_testing::rails::{FunctionMigration, make_schema};

use crate::support::{Rails, public, run};

async fn recognised(pool: &PgPool) -> ReadinessFunctions {
    readiness_functions(&mut pool.acquire().await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_database_of_either_migration_is_recognised_adopted_and_left_as_it_is() {
    for (migration, expected) in [
        (FunctionMigration::First, ReadinessFunctions::FirstMigration),
        (FunctionMigration::Second, ReadinessFunctions::SecondMigration),
    ] {
        let rails = Rails::new(migration).await;
        let pool = rails.pool();
        let compared = compare(&mut pool.acquire().await.unwrap()).await.unwrap();
        assert!(compared.is_strictly_equal(), "the catalogue made into a schema equals the catalogue: {compared}");
        assert_eq!((compared.shape, compared.foreign_bodies.len()), (Shape::Full, 9));
        let before = public(pool).await;
        assert_eq!(recognised(pool).await, expected);

        let adopted = adopt(pool).await.unwrap();
        assert_eq!((adopted.public, adopted.shape, adopted.engine.from), (PublicObjects::Found, Shape::Full, None));
        let filled = reindex(pool, Reindex::default(), |_| {}).await.unwrap();
        assert_eq!((filled.looked_at, filled.rebuilt), (0, 0), "Rails' tasks have no definition here");
        let expected_unfinished = rails.unfinished().count();
        assert!(expected_unfinished > 10, "{expected_unfinished}");
        assert_eq!(tasks_of_others(pool).await.unwrap(), expected_unfinished as i64);

        assert_eq!(public(pool).await, before, "not a row and not an object of Rails' is changed");
        assert_eq!(recognised(pool).await, expected, "and its functions are still its own");
        let compared = compare(&mut pool.acquire().await.unwrap()).await.unwrap();
        assert!(compared.is_strictly_equal(), "{compared}");
        rails.database.drop().await;
    }
}

/// The same session calls the functions before and after they are tried: what it keeps of them in between must not
/// answer for the tables of the trial, nor the other way round.
#[tokio::test]
async fn trying_the_functions_leaves_no_trace_in_the_session() {
    let rails = Rails::new(FunctionMigration::Second).await;
    let mut connection = rails.pool().acquire().await.unwrap();
    let ready = "SELECT count(*) FROM get_step_readiness_status_batch((SELECT array_agg(task_id) FROM tasker_tasks))";
    for _ in 0..7 {
        let before: i64 = sqlx::query_scalar(ready).fetch_one(&mut *connection).await.unwrap();
        assert_eq!(before, rails.tasks.iter().map(|(_, recording)| recording.steps.len() as i64).sum::<i64>());
        assert_eq!(readiness_functions(&mut connection).await.unwrap(), ReadinessFunctions::SecondMigration);
    }
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(left, 0);
    drop(connection);
    rails.database.drop().await;
}

#[tokio::test]
async fn functions_of_ours_of_nobody_known_and_untried_ones_are_told_apart() {
    let ours = TestDatabase::with_schema().await;
    assert_eq!(recognised(ours.pool()).await, ReadinessFunctions::Ours);
    ours.drop().await;

    let database = TestDatabase::create().await;
    let pool = database.pool();
    make_schema(pool, FunctionMigration::First).await;
    let read_only = database.options().options([("default_transaction_read_only", "on")]);
    let standby = PgPool::connect_with(read_only).await.unwrap();
    assert_eq!(recognised(&standby).await, ReadinessFunctions::NotTried);
    standby.close().await;
    // One of the two replaced, as by half a migration; and one that fails.
    for body in ["SELECT * FROM get_step_readiness_status(input_task_ids[1], '{}')", "SELECT 1 / 0"] {
        let returns = "TABLE (workflow_step_id bigint, task_id bigint, named_step_id integer, name text, current_state text,
            dependencies_satisfied boolean, retry_eligible boolean, ready_for_execution boolean, last_failure_at timestamp,
            next_retry_at timestamp, total_parents integer, completed_parents integer, attempts integer, retry_limit integer,
            backoff_request_seconds integer, last_attempted_at timestamp)";
        run(
            pool,
            &format!(
                "CREATE OR REPLACE FUNCTION get_step_readiness_status_batch(input_task_ids bigint[]) RETURNS {returns}
                 LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY {body}; END $$"
            ),
        )
        .await;
        assert_eq!(recognised(pool).await, ReadinessFunctions::Unknown);
    }
    database.drop().await;
}

#[tokio::test]
async fn ten_programs_that_adopt_at_once_make_one_schema() {
    let rails = Rails::new(FunctionMigration::Second).await;
    let before = public(rails.pool()).await;
    let programs: Vec<_> = (0..10)
        .map(|number| {
            let isolation = if number % 2 == 0 { "serializable" } else { "read committed" };
            let options = rails.database.options().options([("default_transaction_isolation", isolation)]);
            tokio::spawn(async move {
                let pool = PgPool::connect_with(options).await.unwrap();
                let adopted = adopt(&pool).await.unwrap();
                reindex(&pool, Reindex::default(), |_| {}).await.unwrap();
                pool.close().await;
                adopted.engine
            })
        })
        .collect();
    let newest = MIGRATIONS.last().unwrap().0;
    let mut made = 0;
    for program in programs {
        let engine = program.await.unwrap();
        assert_eq!(engine.to, newest);
        made += usize::from(engine.from.is_none());
    }
    assert_eq!(made, 1);
    assert_eq!(public(rails.pool()).await, before);
    rails.database.drop().await;
}

#[tokio::test]
async fn a_program_that_was_cut_off_while_it_adopted_leaves_nothing_behind() {
    let rails = Rails::new(FunctionMigration::First).await;
    let pool = rails.pool();
    // Somebody else is at it: the program waits for the lock and is ended there.
    let mut other = pool.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(0x7461_736b_6572_0001_i64).execute(&mut *other).await.unwrap();
    let waiting = tokio::spawn({
        let pool = PgPool::connect_with(rails.database.options()).await.unwrap();
        async move { adopt(&pool).await }
    });
    let waits = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event = 'advisory'";
    while sqlx::query_scalar::<_, bool>(waits).fetch_optional(pool).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(waiting.await.unwrap().is_err());
    other.rollback().await.unwrap();
    let nothing = Inspection::Complete { shape: Shape::Full, engine_version: None };
    assert_eq!(inspect(&mut pool.acquire().await.unwrap()).await.unwrap(), nothing);
    assert_eq!(adopt(pool).await.unwrap().engine.from, None);
    rails.database.drop().await;
}

#[tokio::test]
async fn a_renamed_column_is_named_and_nothing_is_adopted() {
    let rails = Rails::new(FunctionMigration::Second).await;
    let pool = rails.pool();
    run(pool, "ALTER TABLE tasker_workflow_steps RENAME COLUMN attempts TO tries").await;
    let compared = compare(&mut pool.acquire().await.unwrap()).await.unwrap();
    assert!(!compared.is_usable());
    insta::assert_snapshot!(compared, @"
    shape full: 4 differences from the original
      columns
        tasker_workflow_steps.attempts: missing; expected ordinal 9, pg_type integer, nullable yes
      indexes
        tasker_workflow_steps.index_workflow_steps_retry_logic: expected columns attempts asc;retry_limit asc;retryable asc; found columns tries asc;retry_limit asc;retryable asc
        tasker_workflow_steps.index_workflow_steps_retry_status: expected columns attempts asc;retry_limit asc; found columns tries asc;retry_limit asc
        tasker_workflow_steps.index_workflow_steps_task_covering: expected include workflow_step_id;processed;in_process;attempts;retry_limit; found include workflow_step_id;processed;in_process;tries;retry_limit
    beside the original, harmless:
      columns
        tasker_workflow_steps.tries: not in the original; found ordinal 9, pg_type integer, nullable yes
    functions whose body is not the one of this release: calculate_dependency_levels, get_analytics_metrics_v01, get_slowest_steps_v01, get_slowest_tasks_v01, get_step_readiness_status, get_step_readiness_status_batch, get_system_health_counts_v01, get_task_execution_context, get_task_execution_contexts_batch
    ");
    let before = public(pool).await;
    for refused in [adopt(pool).await.unwrap_err(), bootstrap(pool, Shape::Full).await.unwrap_err()] {
        let SchemaError::Partial(differences) = &refused else { panic!("{refused}") };
        assert_eq!(**differences, compared);
        assert!(refused.to_string().contains("tasker_workflow_steps.attempts: missing"), "{refused}");
    }
    assert_eq!(public(pool).await, before);
    let engine: Option<String> =
        sqlx::query_scalar("SELECT to_regnamespace('tasker_engine')::text").fetch_one(pool).await.unwrap();
    assert_eq!(engine, None);
    rails.database.drop().await;
}

#[tokio::test]
async fn tables_of_rails_in_another_schema_are_refused_by_name() {
    let rails = Rails::new(FunctionMigration::Second).await;
    let pool = rails.pool();
    run(pool, "ALTER SCHEMA public RENAME TO shop; CREATE SCHEMA public").await;
    let refused = adopt(pool).await.unwrap_err();
    assert!(matches!(&refused, SchemaError::WrongSchema { schema } if schema == "shop"), "{refused}");
    assert!(refused.to_string().contains("are in schema \"shop\""), "{refused}");
    rails.database.drop().await;
}

#[tokio::test]
async fn a_role_that_may_only_read_is_told_which_right_is_missing() {
    let rails = Rails::new(FunctionMigration::Second).await;
    let owner = rails.pool();
    let role = format!("reader of {}", &rails.database.name()[12..40]);
    run(
        owner,
        &format!(
            "CREATE ROLE \"{role}\" LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO \"{role}\";
             REVOKE CREATE ON SCHEMA public FROM PUBLIC"
        ),
    )
    .await;
    let pool = PgPool::connect_with(rails.database.options().username(&role)).await.unwrap();
    assert!(compare(&mut pool.acquire().await.unwrap()).await.unwrap().is_equal(), "reading is enough to compare");
    let refused = adopt(&pool).await.unwrap_err();
    assert!(matches!(refused, SchemaError::NotPermitted { .. }), "{refused}");
    let said = refused.to_string().replace(rails.database.name(), "DATABASE").replace(&role, "ROLE");
    insta::assert_snapshot!(said, @r#"the role may not do this (permission denied for database DATABASE): connect as the owner of the database, or have that one run GRANT CREATE ON DATABASE "DATABASE" TO "ROLE"; GRANT CREATE ON SCHEMA public TO "ROLE" (the latter only where Tasker's tables are missing)"#);
    // What is said can be done, and is enough.
    run(owner, &format!("GRANT CREATE ON DATABASE {} TO \"{role}\"", rails.database.name())).await;
    assert_eq!(adopt(&pool).await.unwrap().engine.from, None);
    assert_eq!(tasks_of_others(&pool).await.unwrap(), rails.unfinished().count() as i64);
    pool.close().await;
    run(owner, &format!("DROP OWNED BY \"{role}\" CASCADE; DROP ROLE \"{role}\"")).await;
    rails.database.drop().await;
}
