//! Calling a function or reading the view, and what is expected of it.

use super::setup::Identifiers;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::BTreeMap;

/// What came of a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// Rows in an order in which two answers can be compared.
    Rows(Vec<Value>),
    /// The SQLSTATE.
    Error(String),
}

/// Result columns with their types, by function or view.
pub(crate) struct Columns(BTreeMap<String, Vec<(String, String)>>);

const COLUMNS: &str = "
    SELECT p.proname::text, part.name, format_type(part.type, NULL)
    FROM pg_proc p
    CROSS JOIN LATERAL unnest(p.proallargtypes, p.proargmodes, p.proargnames) WITH ORDINALITY
        AS part (type, mode, name, place)
    WHERE p.pronamespace = 'public'::regnamespace AND part.mode = 't'
    UNION ALL
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v'";

impl Columns {
    pub(crate) async fn read(connection: &mut PgConnection) -> Self {
        let rows: Vec<(String, String, String)> = sqlx::query_as(COLUMNS).fetch_all(connection).await.unwrap();
        let mut columns = BTreeMap::<String, Vec<(String, String)>>::new();
        for (function, name, column_type) in rows {
            columns.entry(function).or_default().push((name, column_type));
        }
        Self(columns)
    }
}

/// Makes the call. Numbers come back as text with their scale, times as offsets from `now()`.
pub(crate) async fn run(
    connection: &mut PgConnection,
    columns: &Columns,
    recorded: &Value,
    identifiers: &Identifiers,
    call: &Value,
) -> Answer {
    let function = call["function"].as_str().unwrap();
    let ignored: Vec<&str> = recorded["ignored_columns"][function]
        .as_array()
        .map(|names| names.iter().map(|name| name.as_str().unwrap()).collect())
        .unwrap_or_default();
    let fields =
        columns.0[function].iter().filter(|(name, _)| !ignored.contains(&name.as_str())).map(|(name, kind)| {
            let value = match kind.as_str() {
                "numeric" => format!("answer.{name}::text"),
                "timestamp without time zone" => offset(&format!("answer.{name}"), "now() AT TIME ZONE 'UTC'"),
                "timestamp with time zone" => offset(&format!("answer.{name}"), "now()"),
                _ => format!("answer.{name}"),
            };
            format!("'{name}', {value}")
        });
    let fields = fields.collect::<Vec<_>>().join(", ");
    let arguments = call["args"].as_object().unwrap();
    let source = if function == "tasker_step_dag_relationships" {
        format!(
            "{function} AS answer WHERE answer.task_id = {}",
            argument("input_task_id", &arguments["task_id"], identifiers)
        )
    } else {
        let arguments =
            arguments.iter().map(|(name, value)| format!("{name} => {}", argument(name, value, identifiers)));
        format!("{function}({}) AS answer", arguments.collect::<Vec<_>>().join(", "))
    };
    let sql = format!("SELECT jsonb_build_object({fields}) FROM public.{source}");
    match sqlx::query_scalar::<_, Value>(AssertSqlSafe(sql)).fetch_all(connection).await {
        Ok(rows) => Answer::Rows(comparable(call, rows)),
        Err(error) => Answer::Error(error.as_database_error().unwrap().code().unwrap().into_owned()),
    }
}

/// What the case expects, with ids in place of names.
pub(crate) fn expected(call: &Value, identifiers: &Identifiers) -> Answer {
    if let Some(error) = call["expect"].get("error") {
        return Answer::Error(error["sqlstate"].as_str().unwrap().to_owned());
    }
    let rows = call["expect"]["rows"].as_array().unwrap().iter().map(|row| {
        let fields = row.as_object().unwrap().iter();
        Value::Object(
            fields.map(|(name, value)| (name.clone(), resolved(name, value, identifiers))).collect::<Map<_, _>>(),
        )
    });
    Answer::Rows(comparable(call, rows.collect()))
}

fn offset(time: &str, now: &str) -> String {
    format!(
        "CASE WHEN {time} IS NOT NULL THEN \
         jsonb_build_object('offset', EXTRACT(EPOCH FROM {time} - ({now}))::float8) END"
    )
}

fn argument(name: &str, value: &Value, identifiers: &Identifiers) -> String {
    let id = |value: &Value, ids: &BTreeMap<String, i64>| match value {
        Value::String(reference) => ids[reference].to_string(),
        Value::Null => "NULL".to_owned(),
        number => number.to_string(),
    };
    let array = |ids: &BTreeMap<String, i64>| match value {
        Value::Array(listed) => {
            let listed = listed.iter().map(|value| id(value, ids)).collect::<Vec<_>>().join(", ");
            format!("ARRAY[{listed}]::bigint[]")
        }
        _ => "NULL".to_owned(),
    };
    match (name, value) {
        ("input_task_id", _) => format!("{}::bigint", id(value, &identifiers.tasks)),
        ("input_task_ids", _) => array(&identifiers.tasks),
        ("step_ids", _) => array(&identifiers.steps),
        ("since_timestamp", Value::Number(seconds)) => format!("now() + {seconds}::float8 * interval '1 second'"),
        (_, Value::String(text)) => format!("'{}'", text.replace('\'', "''")),
        (_, Value::Null) => "NULL".to_owned(),
        (_, number) => number.to_string(),
    }
}

fn resolved(column: &str, value: &Value, identifiers: &Identifiers) -> Value {
    match value {
        Value::Array(values) => values.iter().map(|value| resolved(column, value, identifiers)).collect(),
        Value::Object(time) => json!({"offset": time["offset"].as_f64().unwrap()}),
        Value::String(text) => match (column, text.strip_prefix('@')) {
            ("task_id", Some(name)) => json!(identifiers.tasks[name]),
            ("workflow_step_id" | "parent_step_ids" | "child_step_ids", Some(name)) => json!(identifiers.steps[name]),
            ("named_step_id", Some(name)) => {
                json!(identifiers.named_steps[name.strip_prefix("named_step:").unwrap()])
            }
            ("named_task_id", Some(name)) => {
                json!(identifiers.named_tasks[name.strip_prefix("named_task:").unwrap()])
            }
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Unordered answers are sorted; in ordered ones only rows of equal duration, which may come in either order.
pub(crate) fn comparable(call: &Value, mut rows: Vec<Value>) -> Vec<Value> {
    for row in &mut rows {
        // A whole number of seconds is read as an integer: offsets are compared as what they mean.
        for value in row.as_object_mut().unwrap().values_mut() {
            if let Some(seconds) = value.get("offset").and_then(Value::as_f64) {
                *value = json!({"offset": seconds});
            }
        }
    }
    let id = |row: &Value| (row["task_id"].as_i64(), row["workflow_step_id"].as_i64());
    if call["expect"]["ordered"] != json!(true) {
        rows.sort_by_key(id);
        return rows;
    }
    if rows.first().is_some_and(|row| row.get("duration_seconds").is_some()) {
        for tied in rows.chunk_by_mut(|first, second| first["duration_seconds"] == second["duration_seconds"]) {
            tied.sort_by_key(id);
        }
    }
    rows
}
