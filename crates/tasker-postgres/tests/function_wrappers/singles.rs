//! What the recorded cases do not show of the typed calls.

use chrono::NaiveDateTime;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use std::collections::BTreeMap;
use std::time::Duration;
use tasker_postgres::functions::{
    AnalyticsMetrics, DependencyLevels, FunctionError, Selection, SlowestFilter, SlowestStep, SlowestTask, StepDag,
    StepReadiness, SystemHealthCounts, TaskExecutionContext,
};
use tasker_testing::database::TestDatabase;

/// A task whose steps `a` → `b` → `c` and a step `d` beside them stand for every selection: complete, ready, waiting,
/// failed for good.
const ROWS: &str = "
    INSERT INTO tasker_task_namespaces (name, created_at, updated_at) VALUES ('shop', now(), now());
    INSERT INTO tasker_named_tasks (name, created_at, updated_at) VALUES ('order', now(), now());
    INSERT INTO tasker_dependent_systems (name, created_at, updated_at) VALUES ('stock', now(), now());
    INSERT INTO tasker_named_steps (dependent_system_id, name, created_at, updated_at)
    SELECT 1, name, now(), now() FROM unnest(ARRAY['a', 'b', 'c', 'd']) AS name;
    INSERT INTO tasker_tasks (named_task_id, requested_at, identity_hash, created_at, updated_at)
    VALUES (1, now(), 'one', now(), now());
    INSERT INTO tasker_workflow_steps (task_id, named_step_id, attempts, processed, created_at, updated_at)
    VALUES (1, 1, 1, true, now(), now()), (1, 2, 0, false, now(), now()), (1, 3, 0, false, now(), now()),
           (1, 4, 3, false, now(), now());
    INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
    VALUES (1, 2, 'provides', now(), now()), (2, 3, 'provides', now(), now());
    INSERT INTO tasker_workflow_step_transitions
        (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
    VALUES (1, 'complete', 10, true, now(), now()), (4, 'error', 10, true, now(), now());";

async fn filled() -> TestDatabase {
    let database = TestDatabase::with_schema().await;
    run(database.pool(), ROWS).await;
    database
}

async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.unwrap();
}

/// A pool to a server that is not there: whatever asks it fails.
fn nowhere() -> PgPool {
    PgPoolOptions::new()
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy("postgres://nobody@127.0.0.1:1/nothing")
        .unwrap()
}

#[tokio::test]
async fn an_empty_list_is_answered_without_the_database() {
    let pool = nowhere();
    assert!(StepReadiness::for_tasks(&pool, &[]).await.unwrap().is_empty());
    assert!(TaskExecutionContext::for_tasks(&pool, &[]).await.unwrap().is_empty());
    assert!(matches!(StepReadiness::for_tasks(&pool, &[1]).await.unwrap_err(), FunctionError::Database(_)));
}

#[tokio::test]
async fn an_unknown_task_has_no_rows() {
    let database = filled().await;
    let pool = database.pool();
    assert_eq!(StepReadiness::for_task(pool, 99).await.unwrap(), []);
    assert_eq!(TaskExecutionContext::find(pool, 99).await.unwrap(), None);
    assert_eq!(DependencyLevels::for_task(pool, 99).await.unwrap().steps, []);
    assert_eq!(StepDag::for_task(pool, 99).await.unwrap(), []);
    assert_eq!(StepDag::for_step(pool, 99).await.unwrap(), None);
    database.drop().await;
}

#[tokio::test]
async fn selections_and_lists_choose_steps() {
    let database = filled().await;
    let pool = database.pool();
    for (selection, expected) in [
        (Selection::Ready, vec!["b"]),
        (Selection::BlockedByDependencies, vec!["c"]),
        (Selection::BlockedByRetry, vec!["d"]),
        (Selection::Pending, vec!["b", "c"]),
        (Selection::Failed, vec!["d"]),
        (Selection::InProgress, vec![]),
        (Selection::Complete, vec!["a"]),
    ] {
        let rows = StepReadiness::selected(pool, 1, selection).await.unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, expected, "{selection:?}");
    }
    let listed = StepReadiness::for_steps(pool, 1, &[3, 2, 99]).await.unwrap();
    assert_eq!(listed.iter().map(|row| row.workflow_step_id).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(StepReadiness::for_steps(pool, 1, &[]).await.unwrap(), []);
    database.drop().await;
}

#[tokio::test]
async fn the_batch_gives_the_rows_of_the_single_calls() {
    let database = filled().await;
    let pool = database.pool();
    run(
        pool,
        "INSERT INTO tasker_tasks (named_task_id, requested_at, identity_hash, created_at, updated_at)
         VALUES (1, now(), 'two', now(), now());
         INSERT INTO tasker_workflow_steps (task_id, named_step_id, created_at, updated_at) VALUES (2, 1, now(), now())",
    )
    .await;
    let mut single = StepReadiness::for_task(pool, 1).await.unwrap();
    single.extend(StepReadiness::for_task(pool, 2).await.unwrap());
    assert_eq!(single.len(), 5);
    assert_eq!(StepReadiness::for_tasks(pool, &[2, 1, 2, 99]).await.unwrap(), single);
    let single = [
        TaskExecutionContext::find(pool, 1).await.unwrap().unwrap(),
        TaskExecutionContext::find(pool, 2).await.unwrap().unwrap(),
    ];
    assert_eq!(TaskExecutionContext::for_tasks(pool, &[2, 1, 99]).await.unwrap(), single);
    assert_eq!(single[0].status, "pending");
    database.drop().await;
}

#[tokio::test]
async fn levels_answer_by_step_and_by_level() {
    let database = filled().await;
    let levels = DependencyLevels::for_task(database.pool(), 1).await.unwrap();
    assert_eq!(levels.by_step(), BTreeMap::from([(1, 0), (2, 1), (3, 2), (4, 0)]));
    assert_eq!((levels.max_level(), levels.roots(), levels.steps_at(2)), (2, vec![1, 4], vec![3]));
    run(
        database.pool(),
        "INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
         VALUES (3, 2, 'provides', now(), now())",
    )
    .await;
    let error = DependencyLevels::for_task(database.pool(), 1).await.unwrap_err();
    assert!(matches!(error, FunctionError::Cycle(_)), "{error:?}");
    let none = DependencyLevels::for_task(database.pool(), 99).await.unwrap();
    assert_eq!((none.max_level(), none.roots()), (0, vec![]));
    database.drop().await;
}

#[tokio::test]
async fn the_view_answers_for_one_step() {
    let database = filled().await;
    let step = StepDag::for_step(database.pool(), 2).await.unwrap().unwrap();
    assert_eq!((step.parent_step_ids, step.child_step_ids), (vec![1], vec![3]));
    assert_eq!((step.is_root_step, step.is_leaf_step, step.min_depth_from_root), (false, false, Some(1)));
    database.drop().await;
}

#[tokio::test]
async fn health_is_the_same_when_nothing_changes_and_zero_without_rows() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let empty = SystemHealthCounts::read(pool).await.unwrap();
    assert!(empty.active_connections >= 1 && empty.active_connections <= empty.max_connections);
    let (active_connections, max_connections) = (empty.active_connections, empty.max_connections);
    assert_eq!(empty, SystemHealthCounts { active_connections, max_connections, ..SystemHealthCounts::default() });
    run(pool, ROWS).await;
    let (one, two, three) =
        tokio::join!(SystemHealthCounts::read(pool), SystemHealthCounts::read(pool), SystemHealthCounts::read(pool));
    for counts in [one.unwrap(), two.unwrap(), three.unwrap()] {
        assert_eq!((counts.total_tasks, counts.total_steps, counts.complete_steps), (1, 4, 1));
        assert_eq!((counts.error_steps, counts.exhausted_retry_steps, counts.pending_steps), (1, 1, 0));
    }
    database.drop().await;
}

#[tokio::test]
async fn instants_that_no_calendar_here_reaches_are_its_ends() {
    let database = filled().await;
    let pool = database.pool();
    for (value, expected) in [
        ("infinity", NaiveDateTime::MAX),
        ("294000-01-01", NaiveDateTime::MAX),
        ("-infinity", NaiveDateTime::MIN),
        ("4000-01-01 BC", chrono::NaiveDate::from_ymd_opt(-3_999, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap()),
    ] {
        run(
            pool,
            &format!("UPDATE tasker_workflow_steps SET last_attempted_at = '{value}' WHERE workflow_step_id = 2"),
        )
        .await;
        let row = StepReadiness::for_steps(pool, 1, &[2]).await.unwrap().remove(0);
        assert_eq!(row.last_attempted_at, Some(expected), "{value}");
    }
    database.drop().await;
}

#[tokio::test]
async fn the_functions_as_rails_makes_them_are_told_apart() {
    let database = filled().await;
    let pool = database.pool();
    let kept = "since_timestamp timestamptz DEFAULT NULL, limit_count integer DEFAULT 10,
        namespace_filter text DEFAULT NULL, task_name_filter text DEFAULT NULL, version_filter text DEFAULT NULL";
    let columns = "workflow_step_id bigint, task_id bigint, step_name varchar, task_name varchar,
        namespace_name varchar, version varchar, duration_seconds numeric, attempts integer,
        created_at timestamptz, completed_at timestamptz, retryable boolean, step_status varchar";
    // The mistake that the original makes: columns without a zone where those with one are declared.
    run(
        pool,
        &format!(
            "CREATE OR REPLACE FUNCTION get_slowest_steps_v01({kept}) RETURNS TABLE ({columns}) LANGUAGE plpgsql STABLE
             AS $$ BEGIN RETURN QUERY SELECT 1::bigint, 1::bigint, ''::varchar, ''::varchar, ''::varchar, ''::varchar,
                1.0, 1, s.created_at, s.created_at, true, ''::varchar FROM tasker_workflow_steps s; END $$"
        ),
    )
    .await;
    let error = SlowestStep::list(pool, &SlowestFilter::default()).await.unwrap_err();
    assert!(matches!(error, FunctionError::OriginalFails(_)), "{error:?}");
    assert_eq!(SlowestTask::list(pool, &SlowestFilter::default()).await.unwrap().len(), 1);
    run(pool, "DROP FUNCTION get_analytics_metrics_v01(timestamptz)").await;
    let error = AnalyticsMetrics::since(pool, None).await.unwrap_err();
    assert!(error.to_string().contains("tasker db check"), "{error}");
    assert!(error.to_string().contains("search_path"), "{error}");
    database.drop().await;
}
