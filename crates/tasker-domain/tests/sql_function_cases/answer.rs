//! What the rules answer to a call.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use serde::Serialize;
use serde_json::{Value, json};
use tasker_domain::readiness::{self, TooManyAttempts};
use tasker_domain::statistics::{self, NegativeLimit, SlowestFilter};

use super::Answer;
use super::expected::comparable;
use super::setup::{Database, after};

pub(crate) fn of(database: &Database, call: &Value) -> Answer {
    let (snapshot, now) = (&database.snapshot, database.now);
    let function = call["function"].as_str().unwrap();
    let task = |name: &str| id(&call["args"][name], &database.tasks);
    let answer = match function {
        "get_step_readiness_status" => {
            let listed = call["args"].get("step_ids").filter(|listed| !listed.is_null());
            let listed = listed.map(|listed| ids(listed, &database.steps));
            match task("input_task_id") {
                Some(task_id) => readiness::step_readiness(snapshot, task_id, listed.as_deref(), now).map(values),
                None => Ok(Vec::new()),
            }
        }
        "get_step_readiness_status_batch" => {
            let task_ids = ids(&call["args"]["input_task_ids"], &database.tasks);
            readiness::step_readiness_batch(snapshot, &task_ids, now).map(values)
        }
        "get_task_execution_context" => match task("input_task_id") {
            Some(task_id) => readiness::task_execution_context(snapshot, task_id, now).map(values),
            None => Ok(Vec::new()),
        },
        "get_task_execution_contexts_batch" => {
            let task_ids = ids(&call["args"]["input_task_ids"], &database.tasks);
            readiness::task_execution_contexts(snapshot, &task_ids, now).map(values)
        }
        "calculate_dependency_levels" => match task("input_task_id") {
            Some(task_id) => Ok(values(readiness::dependency_levels(snapshot, task_id).unwrap())),
            None => Ok(Vec::new()),
        },
        "tasker_step_dag_relationships" => {
            Ok(task("task_id").map_or_else(Vec::new, |task_id| values(readiness::step_dag(snapshot, task_id))))
        }
        "get_system_health_counts_v01" => Ok(values([statistics::system_health_counts(&database.record)])),
        "get_analytics_metrics_v01" => {
            Ok(values([statistics::analytics_metrics(&database.record, since(database, call), now)]))
        }
        "get_slowest_steps_v01" => match statistics::slowest_steps(&database.record, &filter(database, call), now) {
            Ok(rows) => Ok(values(rows)),
            Err(NegativeLimit(_)) => return Answer::Error("2201W".to_owned()),
        },
        "get_slowest_tasks_v01" => match statistics::slowest_tasks(&database.record, &filter(database, call), now) {
            Ok(rows) => Ok(values(rows)),
            Err(NegativeLimit(_)) => return Answer::Error("2201W".to_owned()),
        },
        other => panic!("the cases call {other}, which no rule answers"),
    };
    match answer {
        Ok(rows) => {
            let rows = rows.into_iter().map(|row| with_offsets(row, now)).collect();
            Answer::Rows(comparable(call, rows))
        }
        Err(error) => Answer::Error(sqlstate(&error)),
    }
}

fn since(database: &Database, call: &Value) -> Option<NaiveDateTime> {
    call["args"]["since_timestamp"].as_f64().map(|offset| after(database.now, offset))
}

fn filter(database: &Database, call: &Value) -> SlowestFilter {
    let text = |name: &str| call["args"][name].as_str().map(str::to_owned);
    let default = SlowestFilter::default();
    SlowestFilter {
        since: since(database, call),
        limit: call["args"]
            .get("limit_count")
            .map_or(default.limit, |limit| limit.as_i64().map(|rows| rows.try_into().unwrap())),
        namespace: text("namespace_filter"),
        task_name: text("task_name_filter"),
        version: text("version_filter"),
    }
}

fn sqlstate(error: &TooManyAttempts) -> String {
    error.sqlstate().to_owned()
}

fn values<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Vec<Value> {
    rows.into_iter().map(|row| serde_json::to_value(row).unwrap()).collect()
}

/// Instants as offsets from `now()`, as the cases have them.
fn with_offsets(mut row: Value, now: NaiveDateTime) -> Value {
    for (column, value) in row.as_object_mut().unwrap() {
        if (column.ends_with("_at") || column == "analysis_period_start") && value.is_string() {
            let instant: NaiveDateTime = serde_json::from_value(value.take()).unwrap();
            let microseconds = instant.signed_duration_since(now).num_microseconds().unwrap();
            #[allow(clippy::cast_precision_loss, reason = "offsets are far below 2^53 microseconds")]
            let offset = microseconds as f64 / 1e6;
            *value = json!({"offset": offset});
        }
    }
    row
}

fn id(value: &Value, known: &BTreeMap<String, i64>) -> Option<i64> {
    value.as_str().map_or_else(|| value.as_i64(), |name| Some(known[name]))
}

/// The ids of a list; NULL elements name nothing, and a NULL list is an empty one.
fn ids(listed: &Value, known: &BTreeMap<String, i64>) -> Vec<i64> {
    listed.as_array().into_iter().flatten().filter_map(|value| id(value, known)).collect()
}
