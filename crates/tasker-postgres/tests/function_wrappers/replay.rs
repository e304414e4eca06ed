//! The recorded cases through the typed functions: the same rows with every value in its own type.

use chrono::NaiveDateTime;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::BTreeMap;
use tasker_postgres::functions::{
    AnalyticsMetrics, DependencyLevels, FunctionError, SlowestFilter, SlowestStep, SlowestTask, StepDag, StepReadiness,
    SystemHealthCounts, TaskExecutionContext,
};
use tasker_testing::database::TestDatabase;

use crate::call::{self, Answer, comparable};
use crate::setup::{self, Identifiers};

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

/// A row as the cases have it: times as offsets from the transaction's instant.
fn fields<T: Serialize>(row: &T, now: NaiveDateTime, times: &[(&str, Option<NaiveDateTime>)]) -> Value {
    let mut row = serde_json::to_value(row).unwrap();
    for (column, time) in times {
        let offset = time.map(|time| {
            let microseconds = time.signed_duration_since(now).num_microseconds().unwrap();
            json!({"offset": seconds(microseconds)})
        });
        let replaced = row.as_object_mut().unwrap().insert((*column).to_owned(), json!(offset));
        assert!(replaced.is_some(), "the row has no column {column}");
    }
    row
}

#[allow(clippy::cast_precision_loss, reason = "the offsets of the cases are far below 2^53 microseconds")]
fn seconds(microseconds: i64) -> f64 {
    microseconds as f64 / 1e6
}

/// What a case gives for an argument that a typed call takes, or nothing for a NULL, which it does not.
struct Arguments<'a> {
    call: &'a Value,
    identifiers: &'a Identifiers,
    now: NaiveDateTime,
}

impl Arguments<'_> {
    fn id(value: &Value, ids: &BTreeMap<String, i64>) -> Option<i64> {
        value.as_str().map_or_else(|| value.as_i64(), |name| Some(ids[name]))
    }

    fn task(&self, name: &str) -> Option<i64> {
        Self::id(&self.call["args"][name], &self.identifiers.tasks)
    }

    fn ids(&self, name: &str, ids: &BTreeMap<String, i64>) -> Option<Vec<i64>> {
        self.call["args"][name].as_array()?.iter().map(|value| Self::id(value, ids)).collect()
    }

    fn since(&self) -> Option<NaiveDateTime> {
        let offset = self.call["args"]["since_timestamp"].as_f64()?;
        #[allow(clippy::cast_possible_truncation, reason = "rounded, and small")]
        let microseconds = (offset * 1e6).round() as i64;
        Some(self.now + chrono::TimeDelta::microseconds(microseconds))
    }

    fn filter(&self) -> SlowestFilter {
        let arguments = &self.call["args"];
        let text = |name: &str| arguments[name].as_str().map(str::to_owned);
        let limit = arguments.get("limit_count");
        SlowestFilter {
            since: self.since(),
            limit: limit
                .map_or(SlowestFilter::default().limit, |limit| limit.as_i64().map(|rows| rows.try_into().unwrap())),
            namespace: text("namespace_filter"),
            task_name: text("task_name_filter"),
            version: text("version_filter"),
        }
    }
}

/// The answer of the typed call, or nothing where it cannot be made.
async fn answer(connection: &mut PgConnection, arguments: &Arguments<'_>) -> Option<Result<Vec<Value>, FunctionError>> {
    let now = arguments.now;
    let readiness = |rows: Vec<StepReadiness>| {
        let row = |row: &StepReadiness| {
            let times = [
                ("last_failure_at", row.last_failure_at),
                ("next_retry_at", row.next_retry_at),
                ("last_attempted_at", row.last_attempted_at),
            ];
            fields(row, now, &times)
        };
        rows.iter().map(row).collect()
    };
    let plain = |rows: Vec<TaskExecutionContext>| rows.iter().map(|row| fields(row, now, &[])).collect();
    Some(match arguments.call["function"].as_str().unwrap() {
        "get_step_readiness_status" => {
            let task_id = arguments.task("input_task_id")?;
            let listed = match arguments.call["args"].get("step_ids") {
                None | Some(Value::Null) => None,
                Some(_) => Some(arguments.ids("step_ids", &arguments.identifiers.steps)?),
            };
            StepReadiness::of_task(connection, task_id, listed.as_deref()).await.map(readiness)
        }
        "get_step_readiness_status_batch" => {
            let task_ids = arguments.ids("input_task_ids", &arguments.identifiers.tasks)?;
            StepReadiness::for_tasks(connection, &task_ids).await.map(readiness)
        }
        "get_task_execution_context" => {
            let task_id = arguments.task("input_task_id")?;
            TaskExecutionContext::find(connection, task_id).await.map(|row| plain(row.into_iter().collect()))
        }
        "get_task_execution_contexts_batch" => {
            let task_ids = arguments.ids("input_task_ids", &arguments.identifiers.tasks)?;
            TaskExecutionContext::for_tasks(connection, &task_ids).await.map(plain)
        }
        "calculate_dependency_levels" => {
            let task_id = arguments.task("input_task_id")?;
            let levels = DependencyLevels::for_task(connection, task_id).await;
            levels.map(|levels| levels.steps.iter().map(|step| fields(step, now, &[])).collect())
        }
        "get_system_health_counts_v01" => SystemHealthCounts::read(connection).await.map(|row| {
            let mut row = fields(&row, now, &[]);
            for column in ["active_connections", "max_connections"] {
                assert!(row.as_object_mut().unwrap().remove(column).unwrap().as_i64().unwrap() > 0);
            }
            vec![row]
        }),
        "get_analytics_metrics_v01" => AnalyticsMetrics::since(connection, arguments.since()).await.map(|row| {
            let times = [
                ("analysis_period_start", Some(row.analysis_period_start)),
                ("calculated_at", Some(row.calculated_at)),
            ];
            vec![fields(&row, now, &times)]
        }),
        "get_slowest_steps_v01" => SlowestStep::list(connection, &arguments.filter()).await.map(|rows| {
            let row = |row: &SlowestStep| {
                fields(row, now, &[("created_at", Some(row.created_at)), ("completed_at", Some(row.completed_at))])
            };
            rows.iter().map(row).collect()
        }),
        "get_slowest_tasks_v01" => SlowestTask::list(connection, &arguments.filter()).await.map(|rows| {
            let row = |row: &SlowestTask| {
                fields(row, now, &[("created_at", Some(row.created_at)), ("completed_at", row.completed_at)])
            };
            rows.iter().map(row).collect()
        }),
        "tasker_step_dag_relationships" => {
            let task_id = arguments.task("task_id")?;
            let rows = StepDag::for_task(connection, task_id).await;
            rows.map(|rows| rows.iter().map(|row| fields(row, now, &[])).collect())
        }
        other => panic!("the cases call {other}, which has no typed form"),
    })
}

/// The SQLSTATE behind an error, and that its kind says the same.
fn code(error: &FunctionError) -> String {
    let source: &sqlx::Error = std::error::Error::source(error).unwrap().downcast_ref().unwrap();
    let code = source.as_database_error().unwrap().code().unwrap().into_owned();
    let told = match error {
        FunctionError::TooManyAttempts(_) => code == "22003" || code == "22008",
        FunctionError::NegativeLimit(_) => code == "2201W",
        _ => false,
    };
    assert!(told, "{code} became {error:?}");
    code
}

#[tokio::test]
async fn typed_calls_give_the_recorded_rows() {
    let recorded: Value = serde_json::from_str(include_str!("../data/sql-function-cases.json")).unwrap();
    let database = TestDatabase::with_schema().await;
    let mut connection = database.pool().acquire().await.unwrap();
    let (mut agreed, mut unspeakable) = (BTreeMap::<String, usize>::new(), 0);
    let mut mismatches = Vec::new();
    for case in recorded["cases"].as_array().unwrap() {
        // The instants come out as UTC whatever the zone of the session.
        run(&mut connection, "BEGIN; SET LOCAL TimeZone = 'America/St_Johns'").await;
        let identifiers = setup::insert(&mut connection, &recorded, &case["setup"]).await;
        let now = sqlx::query_scalar("SELECT now() AT TIME ZONE 'UTC'").fetch_one(&mut *connection).await.unwrap();
        for call in case["calls"].as_array().unwrap() {
            run(&mut connection, "SAVEPOINT before_call").await;
            let answer = answer(&mut connection, &Arguments { call, identifiers: &identifiers, now }).await;
            run(&mut connection, "ROLLBACK TO SAVEPOINT before_call").await;
            let Some(answer) = answer else {
                unspeakable += 1;
                continue;
            };
            let answer = match answer {
                Ok(rows) => Answer::Rows(comparable(call, rows)),
                Err(error) => Answer::Error(code(&error)),
            };
            let expected = call::expected(call, &identifiers);
            let ours_only = expected == Answer::Error("42804".to_owned()) && matches!(answer, Answer::Rows(_));
            if answer == expected || ours_only {
                *agreed.entry(call["function"].as_str().unwrap().to_owned()).or_default() += 1;
            } else {
                mismatches.push(format!("{} {call}:\n  expected {expected:?}\n  found    {answer:?}", case["id"]));
            }
        }
        run(&mut connection, "ROLLBACK").await;
    }
    drop(connection);
    database.drop().await;
    assert!(mismatches.is_empty(), "{} mismatches, such as\n{}", mismatches.len(), mismatches[0]);
    assert_eq!(agreed.len(), 10, "nine functions and the view: {agreed:?}");
    let total: usize = agreed.values().sum();
    assert_eq!(total + unspeakable, 1_068);
    assert!(unspeakable < 20, "{unspeakable} calls with NULL arguments");
    println!("count: {total} typed calls agreed, {unspeakable} with NULL arguments have no typed form");
}
