//! What a case expects of a call, with ids in place of names.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Answer;
use super::setup::Database;

pub(crate) fn of(database: &Database, call: &Value) -> Answer {
    if let Some(error) = call["expect"].get("error") {
        return Answer::Error(error["sqlstate"].as_str().unwrap().to_owned());
    }
    let rows = call["expect"]["rows"].as_array().unwrap().iter().map(|row| {
        let fields = row.as_object().unwrap().iter();
        let fields: Map<String, Value> =
            fields.map(|(column, value)| (column.clone(), resolved(database, column, value))).collect();
        Value::Object(fields)
    });
    Answer::Rows(comparable(call, rows.collect()))
}

fn resolved(database: &Database, column: &str, value: &Value) -> Value {
    let id = |ids: &BTreeMap<String, i64>, name: &str| json!(ids[name]);
    match value {
        Value::Array(values) => values.iter().map(|value| resolved(database, column, value)).collect(),
        Value::Object(time) => json!({"offset": time["offset"].as_f64().unwrap()}),
        Value::String(text) => match (column, text.strip_prefix('@')) {
            ("task_id", Some(name)) => id(&database.tasks, name),
            ("workflow_step_id" | "parent_step_ids" | "child_step_ids", Some(name)) => id(&database.steps, name),
            ("named_step_id", Some(name)) => id(&database.named_steps, name.strip_prefix("named_step:").unwrap()),
            ("named_task_id", Some(name)) => id(&database.named_tasks, name.strip_prefix("named_task:").unwrap()),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Unordered answers are sorted; in ordered ones only rows of equal duration, which may come in either order.
pub(crate) fn comparable(call: &Value, mut rows: Vec<Value>) -> Vec<Value> {
    let id = |row: &Value| (row["task_id"].as_i64(), row["workflow_step_id"].as_i64());
    if call["expect"]["ordered"] != json!(true) {
        rows.sort_by_key(id);
    } else if rows.first().is_some_and(|row| row.get("duration_seconds").is_some()) {
        for tied in rows.chunk_by_mut(|first, second| first["duration_seconds"] == second["duration_seconds"]) {
            tied.sort_by_key(id);
        }
    }
    rows
}
