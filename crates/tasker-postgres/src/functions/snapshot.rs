//! The rows that the pure rules judge readiness by.

use sqlx::postgres::PgRow;
use sqlx::{PgExecutor, Row};
use tasker_domain::readiness::{
    Edge, Newest, RecordedStep, RecordedTask, Rows, Snapshot, SnapshotError, StepFacts, StepRow, TaskRow,
};

use super::{FunctionError, instant};

/// A task with its steps, and the steps of other tasks that they wait for, of one moment; nothing for an unknown id.
///
/// [`tasker_domain::readiness::step_readiness`] gives of it what `get_step_readiness_status` does, and the other rules of
/// that module likewise. Steps of other tasks come without what they wait for themselves, and what our side tables know is
/// not read: in our engine's semantics the instants of retries are those of Rails' rules.
///
/// # Errors
/// [`FunctionError`].
pub async fn task_snapshot(executor: impl PgExecutor<'_>, task_id: i64) -> Result<Option<Snapshot>, FunctionError> {
    let found =
        sqlx::query(include_str!("../../sql/functions/task_snapshot.sql")).bind(task_id).fetch_all(executor).await?;
    let Some(first) = found.first() else { return Ok(None) };
    let state: Option<&str> = first.try_get("task_state")?;
    let task = TaskRow {
        task_id: first.try_get("task_id")?,
        named_task_id: first.try_get("named_task_id")?,
        newest: state.map(RecordedTask::read),
        fail_fast: false,
    };
    let mut rows = Rows { tasks: vec![task], steps: Vec::with_capacity(found.len()), edges: Vec::new() };
    for row in &found {
        let Some(workflow_step_id) = row.try_get::<Option<i64>, _>("workflow_step_id")? else { continue };
        rows.steps.push(step(row, workflow_step_id)?);
        let parents: Option<Vec<i64>> = row.try_get("parents")?;
        let edges = parents.into_iter().flatten();
        rows.edges.extend(edges.map(|from_step_id| Edge { from_step_id, to_step_id: workflow_step_id }));
    }
    Ok(Some(Snapshot::new(rows).map_err(unreadable)?))
}

fn step(row: &PgRow, workflow_step_id: i64) -> Result<StepRow, sqlx::Error> {
    let state: Option<&str> = row.try_get("to_state")?;
    let newest = match (state, instant::optional(row, "moved_at")?) {
        (Some(state), Some(at)) => Some(Newest { state: RecordedStep::read(state), at }),
        _ => None,
    };
    Ok(StepRow {
        workflow_step_id,
        task_id: row.try_get("owner")?,
        named_step_id: row.try_get("named_step_id")?,
        name: row.try_get::<&str, _>("name")?.into(),
        facts: StepFacts {
            newest,
            attempts: row.try_get("attempts")?,
            retry_limit: row.try_get("retry_limit")?,
            retryable: row.try_get("retryable")?,
            in_process: row.try_get("in_process")?,
            processed: row.try_get("processed")?,
            backoff_request_seconds: row.try_get("backoff_request_seconds")?,
            last_attempted_at: instant::optional(row, "last_attempted_at")?,
            engine: None,
        },
    })
}

/// The statement gives every step once and both ends of every edge; a database that does otherwise lacks its keys.
fn unreadable(error: SnapshotError) -> FunctionError {
    FunctionError::Database(sqlx::Error::Decode(error.into()))
}
