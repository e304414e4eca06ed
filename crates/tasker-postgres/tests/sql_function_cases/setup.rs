//! The rows of a case.

use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Ids of the rows of a case by the names that the case gives them.
#[derive(Default)]
pub(crate) struct Identifiers {
    pub(crate) tasks: BTreeMap<String, i64>,
    pub(crate) steps: BTreeMap<String, i64>,
    /// By `namespace.name@version`.
    pub(crate) named_tasks: BTreeMap<String, i64>,
    pub(crate) named_steps: BTreeMap<String, i64>,
}

const DEFINITIONS: &str = "
    WITH namespaces AS (
        INSERT INTO tasker_task_namespaces (name, created_at, updated_at)
        SELECT name, now(), now() FROM jsonb_array_elements_text($1::jsonb) AS name
        RETURNING name, task_namespace_id
    )
    INSERT INTO tasker_named_tasks (task_namespace_id, name, version, created_at, updated_at)
    SELECT namespaces.task_namespace_id, wanted.name, wanted.version, now(), now()
    FROM jsonb_to_recordset($2::jsonb) AS wanted (namespace text, name text, version text)
    JOIN namespaces ON namespaces.name = wanted.namespace
    RETURNING named_task_id::bigint, (SELECT name FROM namespaces
        WHERE namespaces.task_namespace_id = tasker_named_tasks.task_namespace_id) || '.' || name || '@' || version";

const NAMED_STEPS: &str = "
    WITH systems AS (
        INSERT INTO tasker_dependent_systems (name, created_at, updated_at) VALUES ('golden', now(), now())
        RETURNING dependent_system_id
    )
    INSERT INTO tasker_named_steps (dependent_system_id, name, created_at, updated_at)
    SELECT systems.dependent_system_id, name, now(), now() FROM systems, jsonb_array_elements_text($1::jsonb) AS name
    RETURNING named_step_id::bigint, name::text";

/// Ids ascend in the order in which a case lists its rows.
const TASKS: &str = "
    INSERT INTO tasker_tasks (named_task_id, complete, initiator, source_system, identity_hash,
        requested_at, created_at, updated_at)
    SELECT wanted.named_task_id, wanted.complete, wanted.initiator, wanted.source_system, wanted.ref,
        at.utc, at.utc, at.utc
    FROM jsonb_to_recordset($1::jsonb) AS wanted (place int, ref text, named_task_id int, complete bool,
        initiator text, source_system text, created_at numeric)
    CROSS JOIN LATERAL (SELECT now() AT TIME ZONE 'UTC' + wanted.created_at::float8 * interval '1 second' AS utc) at
    ORDER BY wanted.place
    RETURNING task_id, identity_hash::text";

const STEPS: &str = "
    WITH ids AS MATERIALIZED (
        INSERT INTO tasker_workflow_steps (task_id, named_step_id, retryable, retry_limit, in_process, processed,
            processed_at, attempts, last_attempted_at, backoff_request_seconds, created_at, updated_at)
        SELECT wanted.task_id, wanted.named_step_id, wanted.retryable, wanted.retry_limit, wanted.in_process,
            wanted.processed, now() AT TIME ZONE 'UTC' + wanted.processed_at::float8 * interval '1 second',
            wanted.attempts, now() AT TIME ZONE 'UTC' + wanted.last_attempted_at::float8 * interval '1 second',
            wanted.backoff_request_seconds,
            now() AT TIME ZONE 'UTC' + wanted.created_at::float8 * interval '1 second', now() AT TIME ZONE 'UTC'
        FROM jsonb_to_recordset($1::jsonb) AS wanted (place int, task_id bigint, named_step_id int, retryable bool,
            retry_limit int, in_process bool, processed bool, processed_at numeric, attempts int,
            last_attempted_at numeric, backoff_request_seconds int, created_at numeric)
        ORDER BY wanted.place
        RETURNING workflow_step_id, named_step_id
    )
    SELECT ids.workflow_step_id, ns.name::text FROM ids JOIN tasker_named_steps ns USING (named_step_id)";

const EDGES: &str = "
    INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
    SELECT (pair ->> 0)::bigint, (pair ->> 1)::bigint, 'provides', now(), now()
    FROM jsonb_array_elements($1::jsonb) AS pair";

const TASK_TRANSITIONS: &str = "
    INSERT INTO tasker_task_transitions (task_id, to_state, sort_key, most_recent, created_at, updated_at)
    SELECT wanted.owner, wanted.to_state, wanted.sort_key, wanted.most_recent, at.utc, at.utc
    FROM jsonb_to_recordset($1::jsonb) AS wanted (owner bigint, to_state text, sort_key int, most_recent bool, at numeric)
    CROSS JOIN LATERAL (SELECT now() AT TIME ZONE 'UTC' + wanted.at::float8 * interval '1 second' AS utc) at";

const STEP_TRANSITIONS: &str = "
    INSERT INTO tasker_workflow_step_transitions
        (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
    SELECT wanted.owner, wanted.to_state, wanted.sort_key, wanted.most_recent, at.utc, at.utc
    FROM jsonb_to_recordset($1::jsonb) AS wanted (owner bigint, to_state text, sort_key int, most_recent bool, at numeric)
    CROSS JOIN LATERAL (SELECT now() AT TIME ZONE 'UTC' + wanted.at::float8 * interval '1 second' AS utc) at";

/// Inserts the rows of a case into the transaction that is open.
pub(crate) async fn insert(connection: &mut PgConnection, recorded: &Value, setup: &Value) -> Identifiers {
    let tasks = with_defaults(&recorded["task_defaults"], &setup["tasks"]);
    let steps = with_defaults(&recorded["step_defaults"], &setup["steps"]);
    let mut identifiers = insert_definitions(connection, setup, &tasks, &steps).await;

    let rows = tasks.iter().enumerate().map(|(place, task)| {
        extended(task, [("place", json!(place)), ("named_task_id", json!(identifiers.named_tasks[&full_name(task)]))])
    });
    let rows = Value::Array(rows.collect());
    identifiers.tasks = named_ids(sqlx::query_as(TASKS).bind(rows).fetch_all(&mut *connection).await);

    let rows = steps.iter().enumerate().map(|(place, step)| {
        let task_id = identifiers.tasks[step["task"].as_str().unwrap()];
        let named_step_id = identifiers.named_steps[step["ref"].as_str().unwrap()];
        extended(step, [("place", json!(place)), ("task_id", json!(task_id)), ("named_step_id", json!(named_step_id))])
    });
    let rows = Value::Array(rows.collect());
    identifiers.steps = named_ids(sqlx::query_as(STEPS).bind(rows).fetch_all(&mut *connection).await);

    let step_id = |name: &Value| identifiers.steps[name.as_str().unwrap()];
    let edges = setup["edges"].as_array().into_iter().flatten();
    let edges = edges.map(|pair| json!([step_id(&pair[0]), step_id(&pair[1])]));
    execute(connection, EDGES, edges.collect()).await;
    execute(connection, TASK_TRANSITIONS, transitions(&tasks, &identifiers.tasks)).await;
    execute(connection, STEP_TRANSITIONS, transitions(&steps, &identifiers.steps)).await;
    identifiers
}

async fn insert_definitions(
    connection: &mut PgConnection,
    setup: &Value,
    tasks: &[Value],
    steps: &[Value],
) -> Identifiers {
    let extra = setup["named_tasks"].as_array().into_iter().flatten();
    let definitions: BTreeMap<String, Value> = tasks
        .iter()
        .chain(extra)
        .map(|task| {
            let definition = json!({"namespace": task["namespace"], "name": task["name"], "version": task["version"]});
            (full_name(task), definition)
        })
        .collect();
    let of_definitions = definitions.values().map(|definition| definition["namespace"].as_str().unwrap());
    let extra = setup["namespaces"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap());
    let namespaces: BTreeSet<&str> = of_definitions.chain(extra).collect();
    let names: BTreeSet<&str> = steps.iter().map(|step| step["ref"].as_str().unwrap()).collect();
    let definitions: Vec<&Value> = definitions.values().collect();
    let named_tasks =
        sqlx::query_as(DEFINITIONS).bind(json!(namespaces)).bind(json!(definitions)).fetch_all(&mut *connection).await;
    let named_steps = sqlx::query_as(NAMED_STEPS).bind(json!(names)).fetch_all(&mut *connection).await;
    Identifiers { named_tasks: named_ids(named_tasks), named_steps: named_ids(named_steps), ..Identifiers::default() }
}

fn full_name(task: &Value) -> String {
    let part = |key: &str| task[key].as_str().unwrap();
    format!("{}.{}@{}", part("namespace"), part("name"), part("version"))
}

fn with_defaults(defaults: &Value, rows: &Value) -> Vec<Value> {
    let rows = rows.as_array().into_iter().flatten();
    rows.map(|row| {
        let mut whole: Map<String, Value> = defaults.as_object().unwrap().clone();
        whole.extend(row.as_object().unwrap().clone());
        Value::Object(whole)
    })
    .collect()
}

fn extended<const N: usize>(row: &Value, further: [(&str, Value); N]) -> Value {
    let mut whole = row.as_object().unwrap().clone();
    whole.extend(further.into_iter().map(|(key, value)| (key.to_owned(), value)));
    Value::Object(whole)
}

/// The last row of an owner is its most recent one unless the case says otherwise.
fn transitions(owners: &[Value], ids: &BTreeMap<String, i64>) -> Vec<Value> {
    let mut rows = Vec::new();
    for owner in owners {
        let listed = owner["transitions"].as_array().unwrap();
        for (place, transition) in listed.iter().enumerate() {
            let default = json!({
                "owner": ids[owner["ref"].as_str().unwrap()],
                "sort_key": 10 * (place + 1),
                "most_recent": place + 1 == listed.len(),
            });
            let mut whole = default.as_object().unwrap().clone();
            whole.extend(transition.as_object().unwrap().clone());
            rows.push(Value::Object(whole));
        }
    }
    rows
}

async fn execute(connection: &mut PgConnection, sql: &'static str, rows: Vec<Value>) {
    sqlx::query(sql).bind(Value::Array(rows)).execute(connection).await.unwrap();
}

fn named_ids(rows: Result<Vec<(i64, String)>, sqlx::Error>) -> BTreeMap<String, i64> {
    rows.unwrap().into_iter().map(|(id, name)| (name, id)).collect()
}
