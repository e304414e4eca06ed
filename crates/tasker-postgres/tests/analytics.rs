//! The analytics reports on rows whose figures are worked out by hand.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use tasker_postgres::analytics::{BottleneckReport, PerformanceReport, Scope, SlowStep, SlowTask, recommendations};
use tasker_testing::database::TestDatabase;

/// Two task types in two namespaces. Tasks of `shop.order@1.0.0`, by minutes before noon of 4 March 2020:
/// 1. created 60 before: `pick` complete after 90 s, `pack` complete after 120 s with 3 attempts
/// 2. created 50 before: `pick` complete after 5 s, `pack` failed after 8 s with 2 attempts; the task failed
/// 3. created 40 before: `pick` failed after 20 s with 1 attempt, `pack` waits without a history; the task failed
/// 4. created 2 before: `pick` pending with a row, `pack` waits without a history
///
/// and of `office.order@2.0.0` 5., created 30 before: `pick` complete after 20 s. Task 6 of the shop is two days old.
const ROWS: &str = "
    INSERT INTO tasker_task_namespaces (name, created_at, updated_at) VALUES ('shop', now(), now()), ('office', now(), now());
    INSERT INTO tasker_named_tasks (task_namespace_id, name, version, created_at, updated_at)
    VALUES (1, 'order', '1.0.0', now(), now()), (2, 'order', '2.0.0', now(), now());
    INSERT INTO tasker_dependent_systems (name, created_at, updated_at) VALUES ('stock', now(), now());
    INSERT INTO tasker_named_steps (dependent_system_id, name, created_at, updated_at)
    VALUES (1, 'pick', now(), now()), (1, 'pack', now(), now());
    INSERT INTO tasker_tasks (task_id, named_task_id, requested_at, identity_hash, initiator, created_at, updated_at)
    SELECT id, type, at, id, 'clerk', at, at FROM (VALUES (1, 1, 60), (2, 1, 50), (3, 1, 40), (4, 1, 2), (5, 2, 30), (6, 1, 2880))
        AS task (id, type, minutes) CROSS JOIN LATERAL (SELECT timestamp '2020-03-04 12:00' - minutes * interval '1 minute' AS at) at;
    INSERT INTO tasker_task_transitions (task_id, to_state, sort_key, most_recent, created_at, updated_at)
    SELECT task_id, state, 20, true, created_at + interval '10 minutes', created_at
    FROM tasker_tasks JOIN (VALUES (1, 'complete'), (2, 'error'), (3, 'error'), (6, 'error')) AS made (id, state) ON id = task_id;
    INSERT INTO tasker_workflow_steps (workflow_step_id, task_id, named_step_id, attempts, results, created_at, updated_at)
    SELECT made.id, task.task_id, made.name, made.attempts, made.results::jsonb, task.created_at, task.created_at
    FROM (VALUES (11, 1, 1, 1, '{}'), (12, 1, 2, 3, '{}'), (21, 2, 1, 1, '{}'), (22, 2, 2, 2, '{\"error_class\": \"Timeout\"}'),
        (31, 3, 1, 1, '{\"error_class\": \"Timeout\"}'), (32, 3, 2, 0, NULL), (41, 4, 1, NULL, NULL), (42, 4, 2, 0, NULL),
        (51, 5, 1, 1, '{}'), (61, 6, 1, 1, '{}')) AS made (id, task, name, attempts, results)
    JOIN tasker_tasks task ON task.task_id = made.task;
    INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
    VALUES (11, 12, 'provides', now(), now()), (21, 22, 'provides', now(), now()), (31, 32, 'provides', now(), now()),
        (41, 42, 'provides', now(), now());
    INSERT INTO tasker_workflow_step_transitions (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
    SELECT id, 'in_progress', 10, false, created_at, created_at
    FROM (VALUES (11), (12), (21), (22), (31), (51)) AS made (id) JOIN tasker_workflow_steps ON workflow_step_id = id;
    INSERT INTO tasker_workflow_step_transitions (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
    SELECT id, state, 20, true, created_at + seconds * interval '1 second', created_at
    FROM (VALUES (11, 'complete', 90), (12, 'complete', 120), (21, 'complete', 5), (22, 'error', 8), (31, 'error', 20),
        (41, 'pending', 0), (51, 'complete', 20), (61, 'complete', 7)) AS made (id, state, seconds)
    JOIN tasker_workflow_steps ON workflow_step_id = id;";

fn noon() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2020, 3, 4).unwrap().and_hms_opt(12, 0, 0).unwrap()
}

async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.unwrap();
}

async fn filled() -> TestDatabase {
    let database = TestDatabase::with_schema().await;
    run(database.pool(), ROWS).await;
    database
}

async fn report(database: &TestDatabase, scope: Scope, hours: u32) -> BottleneckReport {
    BottleneckReport::at(database.pool(), scope, hours, noon()).await.unwrap()
}

fn shop() -> Scope {
    Scope { namespace: Some("shop".to_owned()), ..Scope::default() }
}

#[tokio::test]
async fn bottlenecks_are_measured_in_their_scope_and_period() {
    let database = filled().await;
    let report = report(&database, shop(), 24).await;
    let found = serde_json::to_value(&report).unwrap();
    assert_eq!(found["scope_summary"], json!({"total_tasks": 4, "unique_task_types": 1, "time_span_hours": 24.0}));
    assert_eq!(found["scope"], json!({"namespace": "shop"}));
    assert_eq!(
        (&found["analysis_period_hours"], &found["generated_at"]),
        (&json!(24), &json!("2020-03-04T12:00:00.000Z"))
    );

    let tasks: Vec<_> = report
        .bottleneck_analysis
        .slowest_tasks
        .iter()
        .map(|task| (task.task_id, task.duration_seconds, task.step_count, task.completed_steps, task.error_steps))
        .collect();
    assert_eq!(tasks, [(1, 120.0, 2, 2, 0), (3, 20.0, 2, 0, 1), (2, 8.0, 2, 1, 1)]);
    let slowest = &found["bottleneck_analysis"]["slowest_tasks"][0];
    assert_eq!((&slowest["initiator"], &slowest["source_system"]), (&json!("clerk"), &Value::Null));
    assert_eq!(slowest["completed_at"], json!("2020-03-04T11:02:00.000Z"));
    let steps: Vec<_> = report
        .bottleneck_analysis
        .slowest_steps
        .iter()
        .map(|step| (step.workflow_step_id, step.step_name.as_str(), step.duration_seconds, step.attempts))
        .collect();
    assert_eq!(steps, [(12, "pack", 120.0, 3), (11, "pick", 90.0, 1), (21, "pick", 5.0, 1)]);

    // Tasks 2 and 3 of four; of the steps with more than one attempt 12 is complete and 22 is not.
    assert_eq!(
        found["bottleneck_analysis"]["error_patterns"],
        json!({"total_errors": 2, "recent_error_rate": 50.0, "common_error_types": ["Timeout"], "retry_success_rate": 50.0})
    );
    // Steps 32 and 42 wait for an unfinished one; 32 is forty minutes old, 41 and 42 are too young to count.
    assert_eq!(
        found["bottleneck_analysis"]["dependency_bottlenecks"],
        json!({"blocking_dependencies": 2, "avg_wait_time": 2_400.0, "most_blocked_steps": ["pack"]})
    );
    // Tasks 1 (120 s) and 2 (8 s) have a completed step.
    assert_eq!(
        found["performance_distribution"],
        json!({
            "percentiles": {"p50": 64.0, "p95": 114.4, "p99": 118.88},
            "distribution_buckets": [
                {"range": "0-10s", "count": 1}, {"range": "10-30s", "count": 0}, {"range": "30s+", "count": 1},
            ],
        })
    );
    assert_eq!(
        report.recommendations,
        [
            "Consider optimizing long-running tasks (49.3s average)",
            "High retry patterns detected. Review error handling and timeout configurations.",
        ]
    );
    database.drop().await;
}

#[tokio::test]
async fn a_report_without_a_scope_is_about_all_tasks_of_the_period() {
    let database = filled().await;
    assert_eq!(report(&database, Scope::default(), 24).await.scope_summary.total_tasks, 5);
    assert_eq!(report(&database, Scope::default(), 72).await.scope_summary.total_tasks, 6);
    let by_type = Scope { name: Some("order".to_owned()), version: Some("2.0.0".to_owned()), ..Scope::default() };
    let report_of_type = report(&database, by_type, 24).await;
    assert_eq!(report_of_type.scope_summary.total_tasks, 1);
    assert_eq!(report_of_type.bottleneck_analysis.slowest_tasks[0].task_id, 5);
    assert_eq!(report_of_type.performance_distribution.distribution_buckets[1].count, 1);
    database.drop().await;
}

#[tokio::test]
async fn without_tasks_everything_is_zero_and_the_advice_is_general() {
    let database = filled().await;
    for (scope, hours) in [(Scope { name: Some("unknown".to_owned()), ..Scope::default() }, 24), (Scope::default(), 0)]
    {
        let found = serde_json::to_value(report(&database, scope, hours).await).unwrap();
        assert_eq!(found["scope_summary"]["total_tasks"], 0);
        assert_eq!(
            found["bottleneck_analysis"],
            json!({
                "slowest_tasks": [], "slowest_steps": [],
                "error_patterns":
                    {"total_errors": 0, "recent_error_rate": 0.0, "common_error_types": [], "retry_success_rate": 0.0},
                "dependency_bottlenecks": {"blocking_dependencies": 0, "avg_wait_time": 0.0, "most_blocked_steps": []},
            })
        );
        assert_eq!(found["performance_distribution"]["percentiles"], json!({"p50": 0.0, "p95": 0.0, "p99": 0.0}));
        assert_eq!(found["recommendations"].as_array().unwrap().len(), 3);
    }
    database.drop().await;
}

#[tokio::test]
async fn a_report_works_where_the_shared_functions_fail() {
    let database = filled().await;
    for function in ["get_slowest_steps_v01", "get_slowest_tasks_v01", "get_step_readiness_status_batch"] {
        run(database.pool(), &format!("DROP FUNCTION {function}")).await;
    }
    assert_eq!(report(&database, shop(), 24).await.bottleneck_analysis.slowest_steps.len(), 3);
    run(database.pool(), "DROP FUNCTION get_analytics_metrics_v01").await;
    let error = PerformanceReport::at(database.pool(), noon()).await.unwrap_err();
    assert!(error.to_string().contains("tasker db check"), "{error}");
    run(database.pool(), "ALTER TABLE tasker_task_transitions RENAME TO elsewhere").await;
    BottleneckReport::at(database.pool(), shop(), 24, noon()).await.unwrap_err();
    database.drop().await;
}

#[tokio::test]
async fn performance_has_an_overview_and_three_windows() {
    let database = filled().await;
    // The overview's score is about the database's own last hour.
    run(
        database.pool(),
        "INSERT INTO tasker_tasks (task_id, named_task_id, requested_at, identity_hash, created_at, updated_at)
         SELECT id, 1, at, id, at, at FROM (VALUES (7), (8), (9)) AS task (id), (SELECT now() AT TIME ZONE 'UTC' AS at) at;
         INSERT INTO tasker_workflow_steps (workflow_step_id, task_id, named_step_id, created_at, updated_at)
         SELECT 10 * task_id, task_id, 1, created_at, created_at FROM tasker_tasks WHERE task_id > 6;
         INSERT INTO tasker_workflow_step_transitions (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
         VALUES (70, 'complete', 10, true, now(), now()), (80, 'complete', 10, true, now(), now()), (90, 'error', 10, true, now(), now())",
    )
    .await;
    let now: NaiveDateTime =
        sqlx::query_scalar("SELECT now() AT TIME ZONE 'UTC'").fetch_one(database.pool()).await.unwrap();
    let found = serde_json::to_value(PerformanceReport::at(database.pool(), now).await.unwrap()).unwrap();
    assert_eq!(
        found["system_overview"],
        json!({"active_tasks": 1, "total_namespaces": 2, "unique_task_types": 1, "system_health_score": 0.667})
    );
    assert!(found["generated_at"].as_str().unwrap().ends_with('Z'));

    // Just before noon of the made-up day the windows reach back from there, so they hold what is younger.
    let report = PerformanceReport::at(database.pool(), noon() - TimeDelta::seconds(1)).await.unwrap();
    let trends = &report.performance_trends;
    let throughput = |trend: &tasker_postgres::analytics::TrendFigures| (trend.task_throughput, trend.step_throughput);
    assert_eq!(throughput(&trends.last_hour), (8, 12));
    assert_eq!(throughput(&trends.last_4_hours), (8, 12));
    assert_eq!(throughput(&trends.last_24_hours), (8, 12));
    let report = PerformanceReport::at(database.pool(), noon() - TimeDelta::hours(25)).await.unwrap();
    assert_eq!(throughput(&report.performance_trends.last_hour), (8, 12));
    assert_eq!(throughput(&report.performance_trends.last_24_hours), (9, 13));
    let report = PerformanceReport::at(database.pool(), noon() + TimeDelta::minutes(15)).await.unwrap();
    assert_eq!(throughput(&report.performance_trends.last_hour), (6, 8));
    let whole = &report.performance_trends.last_4_hours;
    assert_eq!((throughput(whole), whole.completion_rate, whole.error_rate), ((8, 12), 62.5, 37.5));
    database.drop().await;
}

fn task(duration_seconds: f64) -> SlowTask {
    SlowTask {
        task_id: 1,
        task_name: "order".to_owned(),
        namespace_name: "shop".to_owned(),
        version: "1.0.0".to_owned(),
        duration_seconds,
        step_count: 1,
        completed_steps: 1,
        error_steps: 0,
        created_at: noon(),
        completed_at: noon(),
        initiator: None,
        source_system: None,
    }
}

fn step(attempts: i32) -> SlowStep {
    SlowStep {
        workflow_step_id: 1,
        task_id: 1,
        step_name: "pick".to_owned(),
        task_name: "order".to_owned(),
        namespace_name: "shop".to_owned(),
        version: "1.0.0".to_owned(),
        duration_seconds: 1.0,
        attempts,
        created_at: noon(),
        completed_at: noon(),
        retryable: true,
    }
}

#[test]
fn advice_is_about_long_tasks_and_repeated_steps() {
    let general = recommendations(&[], &[]);
    assert_eq!(general.len(), 3);
    assert_eq!(recommendations(&[task(60.0)], &[step(1), step(0)]), general);
    assert_eq!(
        recommendations(&[task(60.001), task(0.5)], &[step(1)]),
        ["Consider optimizing long-running tasks (30.3s average)"]
    );
    assert_eq!(
        recommendations(&[task(1.0)], &[step(1), step(2)]),
        ["High retry patterns detected. Review error handling and timeout configurations."]
    );
    assert_eq!(recommendations(&[task(100.25)], &[step(2)]).len(), 2);
}

#[tokio::test]
async fn performance_carries_the_statistics_of_the_program_that_asks() {
    let database = TestDatabase::with_schema().await;
    let report = PerformanceReport::at(database.pool(), noon()).await.unwrap();
    let without = serde_json::to_value(&report).unwrap();
    assert!(without.get("telemetry_insights").is_none(), "nothing is made up");
    let insights = tasker_postgres::analytics::TelemetryInsights {
        trace_stats: [("buffered".to_owned(), json!(3))].into(),
        log_stats: [("dropped".to_owned(), json!(0))].into(),
        event_router_stats: [("mappings".to_owned(), json!(34))].into(),
    };
    let with = serde_json::to_value(report.with_telemetry(insights)).unwrap();
    assert_eq!(
        with["telemetry_insights"],
        json!({"trace_stats": {"buffered": 3}, "log_stats": {"dropped": 0}, "event_router_stats": {"mappings": 34}})
    );
    database.drop().await;
}
