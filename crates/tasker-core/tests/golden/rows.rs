//! Our rows in the form of the recordings: ids left out or replaced by names, instants by `set`.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use sqlx::{PgConnection, PgPool};
use tasker_core::clock::Clock;
use tasker_postgres::functions::{StepReadiness, TaskExecutionContext};
use tasker_testing::ManualClock;

/// How long after the end of a phase a recording may have been read. It does not say; what it shows of a wait does.
const READ_AFTER: [i64; 12] = [0, 1, 2, 3, 4, 6, 8, 12, 16, 20, 31, 301];

/// Reads what stands in the tables of a task, at the clock's instant or as long after as what the recording shows of
/// waits says.
pub(crate) async fn read(pool: &PgPool, task_id: i64, clock: &ManualClock, recorded: &Value) -> Result<Value, String> {
    let mut rows = tables(pool, task_id).await.map_err(|error| error.to_string())?;
    let mut first = None;
    for seconds in READ_AFTER {
        let now = clock.wall_time() + TimeDelta::seconds(seconds);
        let (context, readiness) = functions(pool, task_id, now).await?;
        if shows_the_same_waits(&readiness, &recorded["readiness"]) {
            first = Some((context, readiness));
            break;
        }
        first.get_or_insert((context, readiness));
    }
    let (context, readiness) = first.ok_or("there is no time to read at")?;
    rows.insert("execution_context".to_owned(), context);
    rows.insert("readiness".to_owned(), readiness);
    Ok(Value::Object(rows))
}

/// Whether each step that stands in `error` in both is ready in both or in neither.
fn shows_the_same_waits(ours: &Value, recorded: &Value) -> bool {
    let list = |rows: &Value| rows.as_array().cloned().unwrap_or_default();
    let recorded = list(recorded);
    list(ours).iter().filter(|row| row["current_state"] == "error").all(|row| {
        let other = recorded.iter().find(|other| other["name"] == row["name"] && other["current_state"] == "error");
        other.is_none_or(|other| other["ready_for_execution"] == row["ready_for_execution"])
    })
}

pub(crate) async fn step_id(pool: &PgPool, task_id: i64, name: &str) -> Result<i64, String> {
    sqlx::query_scalar(
        "select workflow_step_id from tasker_workflow_steps join tasker_named_steps using (named_step_id)
         where task_id = $1 and name = $2",
    )
    .bind(task_id)
    .bind(name)
    .fetch_one(pool)
    .await
    .map_err(|error| format!("step {name}: {error}"))
}

async fn tables(pool: &PgPool, task_id: i64) -> Result<Map<String, Value>, sqlx::Error> {
    let one = async |sql: &'static str| -> Result<Value, sqlx::Error> {
        sqlx::query_scalar(sql).bind(task_id).fetch_one(pool).await
    };
    let mut rows = Map::new();
    rows.insert("task".to_owned(), one(TASK).await?);
    rows.insert("steps".to_owned(), one(STEPS).await?);
    rows.insert("edges".to_owned(), one(EDGES).await?);
    rows.insert("step_transitions".to_owned(), one(STEP_TRANSITIONS).await?);
    rows.insert("task_transitions".to_owned(), one(TASK_TRANSITIONS).await?);
    rows.insert("transition_order".to_owned(), one(ORDER).await?);
    Ok(rows)
}

const TASK: &str = "
    select jsonb_build_object('complete', complete, 'initiator', initiator, 'source_system', source_system, 'reason', reason,
      'bypass_steps', bypass_steps, 'tags', tags, 'context', context,
      'identity_hash_form', case when identity_hash ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then 'uuid' else identity_hash end,
      'requested_at', case when requested_at is not null then 'set' end)
    from tasker_tasks where task_id = $1";

const STEPS: &str = "
    select jsonb_agg(jsonb_build_object('name', n.name, 'retryable', s.retryable, 'retry_limit', s.retry_limit,
      'in_process', s.in_process, 'processed', s.processed, 'attempts', coalesce(s.attempts, 0),
      'backoff_request_seconds', s.backoff_request_seconds, 'skippable', s.skippable,
      'processed_at', case when s.processed_at is not null then 'set' end,
      'last_attempted_at', case when s.last_attempted_at is not null then 'set' end,
      'inputs', s.inputs,
      'results', case when jsonb_typeof(s.results->'backtrace') in ('string', 'array')
        then s.results || '{\"backtrace\": \"BACKTRACE\"}' else s.results end) order by s.workflow_step_id)
    from tasker_workflow_steps s join tasker_named_steps n using (named_step_id) where s.task_id = $1";

const EDGES: &str = "
    select coalesce(jsonb_agg(jsonb_build_object('from', f.name, 'to', t.name, 'name', e.name) order by e.id), '[]')
    from tasker_workflow_step_edges e
    join tasker_workflow_steps a on a.workflow_step_id = e.from_step_id join tasker_named_steps f on f.named_step_id = a.named_step_id
    join tasker_workflow_steps b on b.workflow_step_id = e.to_step_id join tasker_named_steps t on t.named_step_id = b.named_step_id
    where a.task_id = $1";

const STEP_TRANSITIONS: &str = "
    select jsonb_object_agg(n.name, (
      select coalesce(jsonb_agg(jsonb_build_object('sort_key', x.sort_key, 'from_state', x.from_state, 'to_state', x.to_state,
        'most_recent', x.most_recent, 'metadata', x.metadata) order by x.sort_key), '[]')
      from tasker_workflow_step_transitions x where x.workflow_step_id = s.workflow_step_id))
    from tasker_workflow_steps s join tasker_named_steps n using (named_step_id) where s.task_id = $1";

const TASK_TRANSITIONS: &str = "
    select coalesce(jsonb_agg(jsonb_build_object('sort_key', sort_key, 'from_state', from_state, 'to_state', to_state,
      'most_recent', most_recent, 'metadata', metadata) order by sort_key), '[]')
    from tasker_task_transitions where task_id = $1";

const ORDER: &str = "
    select coalesce(jsonb_agg(n.name || '>' || x.to_state order by x.id), '[]')
    from tasker_workflow_steps s join tasker_named_steps n using (named_step_id)
    join tasker_workflow_step_transitions x using (workflow_step_id) where s.task_id = $1";

/// What the shared functions say of the task as if the server's clock showed `now`: within a transaction that is rolled
/// back, the instants that they read are moved to the server's present.
async fn functions(pool: &PgPool, task_id: i64, now: chrono::NaiveDateTime) -> Result<(Value, Value), String> {
    let mut transaction = pool.begin().await.map_err(|error| error.to_string())?;
    shift(&mut transaction, task_id, now).await.map_err(|error| error.to_string())?;
    let context = TaskExecutionContext::find(&mut *transaction, task_id).await.map_err(|error| error.to_string())?;
    let readiness = StepReadiness::for_task(&mut *transaction, task_id).await.map_err(|error| error.to_string())?;
    transaction.rollback().await.map_err(|error| error.to_string())?;
    let context: Vec<Value> = context.iter().map(|row| normal(json!(row))).collect();
    let readiness: Vec<Value> = readiness.iter().map(|row| normal(json!(row))).collect();
    Ok((Value::Array(context), Value::Array(readiness)))
}

async fn shift(connection: &mut PgConnection, task_id: i64, now: chrono::NaiveDateTime) -> Result<(), sqlx::Error> {
    for sql in [
        "update tasker_workflow_steps set last_attempted_at = last_attempted_at + ((now() at time zone 'UTC') - $2)
         where task_id = $1",
        "update tasker_workflow_step_transitions set created_at = created_at + ((now() at time zone 'UTC') - $2)
         where workflow_step_id in (select workflow_step_id from tasker_workflow_steps where task_id = $1)",
    ] {
        sqlx::query(sql).bind(task_id).bind(now).execute(&mut *connection).await?;
    }
    Ok(())
}

/// A row of a function without ids, with `set` for instants.
fn normal(row: Value) -> Value {
    let Value::Object(mut columns) = row else { return row };
    columns.retain(|column, _| !column.ends_with("_id"));
    for column in ["last_failure_at", "next_retry_at", "last_attempted_at"] {
        if let Some(value) = columns.get_mut(column).filter(|value| !value.is_null()) {
            *value = json!("set");
        }
    }
    // Decimals stand in the recordings without the zeros at their end, but with one digit after the point.
    if let Some(Value::String(decimal)) = columns.get_mut("completion_percentage") {
        while decimal.ends_with('0') && !decimal.ends_with(".0") {
            decimal.pop();
        }
    }
    Value::Object(columns)
}
