//! What people changed that no history tells: who, when, why, from what to what.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{PgConnection, Row};

use super::plan::Plan;
use super::rows::{StepRow, TaskRow};
use super::{Ledger, LedgerError, Operator, Paused};

/// An operation that left no row in the history of a task or step, or changed more than that row tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedOperation {
    /// Its number, in the order in which operations were written.
    pub operation_id: i64,
    /// When (UTC).
    pub at: NaiveDateTime,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// What was done: `pause`, `resume`, `priority`, `limit`, `retry` or `rewind`.
    pub operation: String,
    /// To what: `task`, `step`, `queue` or `type`.
    pub scope: String,
    /// Name of the queue or task type.
    pub name: Option<String>,
    /// Id of the task, or of the step's task.
    pub task_id: Option<i64>,
    /// Id of the step.
    pub step_id: Option<i64>,
    /// Name of the step.
    pub step: Option<String>,
    /// What was before: whether it was paused; the points of priority; `retry_limit` and `retryable`; nothing for a rewind.
    pub before: Option<Value>,
    /// What is since; for a rewind, the new task (`task_id`) and the step from which it does this one anew (`from`).
    pub after: Option<Value>,
}

/// Which operations are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logged<'a> {
    /// All.
    All,
    /// Those on a task and its steps.
    Task(i64),
    /// Those on a queue or a task type.
    Named(Paused<'a>),
}

/// An operation to be written down.
pub(super) struct Entry {
    operation: &'static str,
    task_id: i64,
    step_id: Option<i64>,
    before: Option<Value>,
    after: Option<Value>,
}

impl Entry {
    pub(super) fn rewind(task_id: i64, new_task: i64, from: &str) -> Self {
        let after = Some(json!({ "task_id": new_task, "from": from }));
        Entry { operation: "rewind", task_id, step_id: None, before: None, after }
    }
}

impl Plan {
    pub(super) fn log_task(&mut self, task: &TaskRow, operation: &'static str, before: Value, after: Value) {
        let (before, after) = (Some(before), Some(after));
        self.log.push(Entry { operation, task_id: task.task_id, step_id: None, before, after });
    }

    /// Notes that a step is allowed so many attempts from now on, if that is another number than before.
    pub(super) fn log_limit(&mut self, step: &StepRow, operation: &'static str, allowed: i32) {
        if step.retryable && step.retry_limit == allowed {
            return;
        }
        self.log.push(Entry {
            operation,
            task_id: step.task_id,
            step_id: Some(step.step_id),
            before: Some(json!({ "retry_limit": step.retry_limit, "retryable": step.retryable })),
            after: Some(json!({ "retry_limit": allowed, "retryable": true })),
        });
    }
}

/// Writes operations down, in the transaction of what they changed.
pub(super) async fn write(
    connection: &mut PgConnection,
    entries: &[Entry],
    by: Operator<'_>,
    now: Option<NaiveDateTime>,
) -> Result<(), sqlx::Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let values = |value: fn(&Entry) -> &Option<Value>| -> Vec<Option<String>> {
        entries.iter().map(|entry| value(entry).as_ref().map(Value::to_string)).collect()
    };
    let scope = |entry: &Entry| if entry.step_id.is_some() { "step" } else { "task" };
    sqlx::query(include_str!("../../../sql/operations/log_operations.sql"))
        .bind(by.actor)
        .bind(by.reason)
        .bind(now)
        .bind(entries.iter().map(|entry| entry.operation).collect::<Vec<_>>())
        .bind(entries.iter().map(scope).collect::<Vec<_>>())
        .bind(entries.iter().map(|entry| entry.task_id).collect::<Vec<_>>())
        .bind(entries.iter().map(|entry| entry.step_id).collect::<Vec<_>>())
        .bind(values(|entry| &entry.before))
        .bind(values(|entry| &entry.after))
        .execute(connection)
        .await?;
    Ok(())
}

impl Ledger {
    /// Takes what people did before this instant (UTC) out of the log for good; how much that was. Moves in the histories
    /// stay, and so does what is paused. It needs the right to delete from the log, which a worker's role does not have.
    pub async fn prune_operations(&self, before: NaiveDateTime) -> Result<u64, LedgerError> {
        self.count_operations(include_str!("../../../sql/operations/prune.sql"), before).await
    }

    /// How much [`prune_operations`](Self::prune_operations) would take out.
    pub async fn prunable_operations(&self, before: NaiveDateTime) -> Result<u64, LedgerError> {
        self.count_operations(include_str!("../../../sql/operations/prunable.sql"), before).await
    }

    async fn count_operations(&self, sql: &'static str, before: NaiveDateTime) -> Result<u64, LedgerError> {
        let operations: i64 = sqlx::query_scalar(sql).bind(before.and_utc()).fetch_one(&self.pool).await?;
        Ok(operations.unsigned_abs())
    }

    /// What people changed that no history tells, the newest first, at most so many: pauses, priorities, limits of
    /// attempts, rewinds.
    pub async fn operations(&self, of: Logged<'_>, most: i64) -> Result<Vec<LoggedOperation>, LedgerError> {
        let (task_id, named) = match of {
            Logged::All => (None, None),
            Logged::Task(task_id) => (Some(task_id), None),
            Logged::Named(what) => (None, Some(what.parts())),
        };
        let rows = sqlx::query(include_str!("../../../sql/ledger/operations.sql"))
            .bind(task_id)
            .bind(named.map(|(scope, _)| scope))
            .bind(named.map(|(_, name)| name))
            .bind(most)
            // Which index serves it depends on what is asked for.
            .persistent(false)
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(LoggedOperation {
                    operation_id: row.try_get("operation_id")?,
                    at: row.try_get::<DateTime<Utc>, _>("at")?.naive_utc(),
                    actor: row.try_get("actor")?,
                    reason: row.try_get("reason")?,
                    operation: row.try_get("operation")?,
                    scope: row.try_get("scope")?,
                    name: row.try_get("name")?,
                    task_id: row.try_get("task_id")?,
                    step_id: row.try_get("step_id")?,
                    step: row.try_get("step")?,
                    before: row.try_get("before")?,
                    after: row.try_get("after")?,
                })
            })
            .collect()
    }
}
