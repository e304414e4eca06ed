//! What the recorded cases cannot show: large graphs, graphs on which the original never ends, and errors of a step that
//! nothing would run anyway. Queries that walk every path run into the time limit of the session.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use sqlx::{AssertSqlSafe, PgConnection, pool::PoolConnection};
use tasker_postgres::schema::Shape;
use tasker_testing::database::TestDatabase;

/// Long enough for a machine that many share, and far too short for 2^100 paths.
const TIME_LIMIT: &str = "240s";

async fn connect(database: &TestDatabase) -> PoolConnection<sqlx::Postgres> {
    let mut connection = database.pool().acquire().await.unwrap();
    run(&mut connection, &format!("SET statement_timeout = '{TIME_LIMIT}'; SET jit = off")).await;
    run(
        &mut connection,
        "INSERT INTO tasker_task_namespaces (name, created_at, updated_at) VALUES ('shop', now(), now());
         INSERT INTO tasker_named_tasks (name, created_at, updated_at) VALUES ('order', now(), now());
         INSERT INTO tasker_dependent_systems (name, created_at, updated_at) VALUES ('stock', now(), now());
         INSERT INTO tasker_named_steps (dependent_system_id, name, created_at, updated_at)
         VALUES (1, 'step', now(), now())",
    )
    .await;
    connection
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

/// A task with steps numbered from 0 and these edges between them, as a query of pairs. Returns the task's id and the id
/// of step 0; the ids of the others follow.
async fn task(connection: &mut PgConnection, steps: i64, edges: &str) -> (i64, i64) {
    let task_id: i64 = sqlx::query_scalar(
        "INSERT INTO tasker_tasks (named_task_id, requested_at, identity_hash, created_at, updated_at)
         VALUES (1, now(), gen_random_uuid(), now(), now()) RETURNING task_id",
    )
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    let ids: Vec<i64> = sqlx::query_scalar(
        "INSERT INTO tasker_workflow_steps (task_id, named_step_id, attempts, created_at, updated_at)
         SELECT $1, 1, 0, now(), now() FROM generate_series(1, $2) RETURNING workflow_step_id",
    )
    .bind(task_id)
    .bind(steps)
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let first = *ids.iter().min().unwrap();
    assert_eq!(*ids.iter().max().unwrap(), first + steps - 1);
    let sql = format!(
        "INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
         SELECT {first} + pair.parent, {first} + pair.child, 'provides', now(), now() FROM ({edges}) AS pair (parent, child)"
    );
    run(connection, &sql).await;
    // Just these: statistics of everything include catalogues that all databases of the server share, and whoever
    // gathers them there keeps others waiting.
    run(
        connection,
        "ANALYZE tasker_tasks, tasker_workflow_steps, tasker_workflow_step_edges, tasker_workflow_step_transitions",
    )
    .await;
    (task_id, first)
}

const CHAIN: &str = "SELECT n, n + 1 FROM generate_series(0, 4998) AS n";
/// Joints are 0, 3, 6 …; between two of them stand two steps side by side.
const LADDER: &str = "SELECT pair.* FROM generate_series(0, 99) AS rung CROSS JOIN LATERAL (VALUES
    (3 * rung, 3 * rung + 1), (3 * rung, 3 * rung + 2), (3 * rung + 1, 3 * rung + 3), (3 * rung + 2, 3 * rung + 3)) AS pair";

async fn levels(connection: &mut PgConnection, task_id: i64) -> Result<Vec<(i64, i32)>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM public.calculate_dependency_levels($1)").bind(task_id).fetch_all(connection).await
}

async fn depths(connection: &mut PgConnection, task_id: i64) -> Vec<(i64, Option<i32>)> {
    sqlx::query_as(
        "SELECT workflow_step_id, min_depth_from_root FROM public.tasker_step_dag_relationships
         WHERE task_id = $1 ORDER BY workflow_step_id",
    )
    .bind(task_id)
    .fetch_all(connection)
    .await
    .unwrap()
}

/// The view's depth stops at 50.
fn capped(depth: i64) -> Option<i32> {
    i32::try_from(depth).ok().filter(|depth| *depth <= 50)
}

#[tokio::test]
async fn a_ladder_of_a_hundred_diamonds_is_answered() {
    let database = TestDatabase::with_schema().await;
    let mut connection = connect(&database).await;
    let (task_id, first) = task(&mut connection, 301, LADDER).await;
    // A joint stands two levels below the last one, the two steps between them one level.
    let depth_of = |number: i64| if number % 3 == 0 { number / 3 * 2 } else { number / 3 * 2 + 1 };
    let mut expected: Vec<(i64, i32)> =
        (0..301).map(|number| (first + number, i32::try_from(depth_of(number)).unwrap())).collect();
    expected.sort_by_key(|(id, level)| (*level, *id));
    assert_eq!(levels(&mut connection, task_id).await.unwrap(), expected);
    let expected: Vec<_> = (0..301).map(|number| (first + number, capped(depth_of(number)))).collect();
    assert_eq!(depths(&mut connection, task_id).await, expected);
    drop(connection);
    database.drop().await;
}

#[tokio::test]
async fn a_chain_of_five_thousand_is_answered() {
    let database = TestDatabase::with_schema().await;
    let mut connection = connect(&database).await;
    let (task_id, first) = task(&mut connection, 5_000, CHAIN).await;
    let expected: Vec<_> = (0..5_000_i32).map(|number| (first + i64::from(number), number)).collect();
    assert_eq!(levels(&mut connection, task_id).await.unwrap(), expected);
    let expected: Vec<_> = (0..5_000).map(|number| (first + number, capped(number))).collect();
    assert_eq!(depths(&mut connection, task_id).await, expected);
    let (total, ready): (i64, i64) =
        sqlx::query_as("SELECT total_steps, ready_steps FROM public.get_task_execution_context($1)")
            .bind(task_id)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
    assert_eq!((total, ready), (5_000, 1));
    drop(connection);
    database.drop().await;
}

#[tokio::test]
async fn layers_that_are_wholly_connected_are_answered() {
    let database = TestDatabase::with_schema().await;
    let mut connection = connect(&database).await;
    let edges = "SELECT layer * 20 + a, (layer + 1) * 20 + b
        FROM generate_series(0, 18) AS layer, generate_series(0, 19) AS a, generate_series(0, 19) AS b";
    let (task_id, first) = task(&mut connection, 400, edges).await;
    let expected: Vec<_> = (0..400).map(|number| (first + number, i32::try_from(number / 20).unwrap())).collect();
    assert_eq!(levels(&mut connection, task_id).await.unwrap(), expected);
    let expected: Vec<_> = (0..400).map(|number| (first + number, capped(number / 20))).collect();
    assert_eq!(depths(&mut connection, task_id).await, expected);
    drop(connection);
    database.drop().await;
}

/// The original never ends here; a level that does not exist is not made up either.
#[tokio::test]
async fn a_cycle_behind_a_root_is_an_error_of_the_levels_and_none_of_the_view() {
    let database = TestDatabase::with_schema().await;
    let mut connection = connect(&database).await;
    let (task_id, first) = task(&mut connection, 3, "VALUES (0, 1), (1, 2), (2, 1)").await;
    let error = levels(&mut connection, task_id).await.unwrap_err();
    let error = error.as_database_error().unwrap();
    assert_eq!(error.code().unwrap(), "22000");
    assert_eq!(error.message(), format!("the steps of task {task_id} form a cycle behind a root"));
    let expected = [(first, Some(0)), (first + 1, Some(1)), (first + 2, Some(2))];
    assert_eq!(depths(&mut connection, task_id).await, expected);

    let (task_id, first) = task(&mut connection, 5, "VALUES (0, 1), (2, 3), (3, 2), (3, 1), (4, 4)").await;
    assert_eq!(levels(&mut connection, task_id).await.unwrap(), [(first, 0), (first + 1, 1)]);
    let expected = [(first, Some(0)), (first + 1, Some(1)), (first + 2, None), (first + 3, None), (first + 4, None)];
    assert_eq!(depths(&mut connection, task_id).await, expected);
    drop(connection);
    database.drop().await;
}

#[tokio::test]
async fn an_edge_from_another_task_counts_for_the_view_and_hides_the_step_from_the_levels() {
    let database = TestDatabase::with_schema().await;
    let mut connection = connect(&database).await;
    let (_, before) = task(&mut connection, 2, "VALUES (0, 1)").await;
    let (task_id, first) = task(&mut connection, 3, "VALUES (0, 1)").await;
    run(
        &mut connection,
        &format!(
            "INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
             VALUES ({}, {first}, 'provides', now(), now())",
            before + 1
        ),
    )
    .await;
    assert_eq!(levels(&mut connection, task_id).await.unwrap(), [(first + 2, 0)]);
    let expected = [(first, Some(2)), (first + 1, Some(3)), (first + 2, Some(0))];
    assert_eq!(depths(&mut connection, task_id).await, expected);
    drop(connection);
    database.drop().await;
}

#[tokio::test]
async fn a_condition_on_task_or_step_limits_the_work_of_the_view() {
    for shape in Shape::ALL {
        let database = TestDatabase::with_shape(shape).await;
        let mut connection = connect(&database).await;
        task(&mut connection, 5_000, CHAIN).await;
        let (task_id, first) = task(&mut connection, 2, "VALUES (0, 1)").await;
        for condition in [format!("task_id = {task_id}"), format!("workflow_step_id = {first}")] {
            let sql = format!("EXPLAIN SELECT * FROM public.tasker_step_dag_relationships WHERE {condition}");
            let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *connection).await.unwrap();
            let plan = plan.join("\n");
            assert!(!plan.contains("Seq Scan"), "{shape}, {condition}:\n{plan}");
        }
        drop(connection);
        database.drop().await;
    }
}

#[tokio::test]
async fn an_attempt_number_without_a_backoff_fails_the_whole_task() {
    let database = TestDatabase::with_schema().await;
    let mut connection = connect(&database).await;
    let (task_id, first) = task(&mut connection, 2, "VALUES (0, 1)").await;
    // Nothing would run this step: it is processed, has no attempts left and waits by its own wish.
    run(
        &mut connection,
        &format!(
            "INSERT INTO tasker_workflow_step_transitions
                (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
             VALUES ({first}, 'error', 10, true, now(), now());
             UPDATE tasker_workflow_steps SET processed = true, retryable = false, retry_limit = 1,
                backoff_request_seconds = 600, last_attempted_at = now() WHERE workflow_step_id = {first}"
        ),
    )
    .await;
    for (attempts, code) in [(43, None), (44, Some("22008")), (1_023, Some("22008")), (1_024, Some("22003"))] {
        let sql = format!("UPDATE tasker_workflow_steps SET attempts = {attempts} WHERE workflow_step_id = {first}");
        run(&mut connection, &sql).await;
        for call in [
            "count(*) FROM public.get_step_readiness_status($1)",
            "count(*) FROM public.get_step_readiness_status_batch(ARRAY[NULL, $1])",
            "count(*) FROM public.get_task_execution_context($1)",
            "count(*) FROM public.get_task_execution_contexts_batch(ARRAY[-1, $1])",
        ] {
            let sql = AssertSqlSafe(format!("SELECT {call}"));
            let answer = sqlx::query_scalar::<_, i64>(sql).bind(task_id).fetch_one(&mut *connection).await;
            let found = answer.err().map(|error| error.as_database_error().unwrap().code().unwrap().into_owned());
            assert_eq!(found.as_deref(), code, "attempts {attempts}: {call}");
        }
    }
    let others: i64 = sqlx::query_scalar("SELECT count(*) FROM public.get_step_readiness_status($1, ARRAY[$2])")
        .bind(task_id)
        .bind(first + 1)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(others, 1);
    drop(connection);
    database.drop().await;
}
