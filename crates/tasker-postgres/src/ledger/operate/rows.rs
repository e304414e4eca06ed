//! The tasks and steps that something is done to, as they stand.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};

#[derive(FromRow)]
pub(super) struct TaskRow {
    pub(super) task_id: i64,
    pub(super) state: String,
    pub(super) ours: bool,
    pub(super) paused: bool,
    pub(super) priority: i32,
}

#[derive(FromRow)]
pub(super) struct StepRow {
    pub(super) task_id: i64,
    pub(super) step_id: i64,
    pub(super) state: String,
    pub(super) attempts: i32,
    pub(super) retry_limit: i32,
    pub(super) retryable: bool,
    /// When (UTC) it is dead if it has not ended; nothing where it has no deadline or its parents are open.
    pub(super) deadline: Option<DateTime<Utc>>,
    pub(super) blocked: bool,
}

/// These tasks, in the order of their ids, without those that there are not.
pub(super) async fn tasks(connection: &mut PgConnection, task_ids: &[i64]) -> Result<Vec<TaskRow>, sqlx::Error> {
    sqlx::query_as(include_str!("../../../sql/operations/states.sql")).bind(task_ids).fetch_all(connection).await
}

/// All steps of these tasks.
pub(super) async fn steps(connection: &mut PgConnection, task_ids: &[i64]) -> Result<Vec<StepRow>, sqlx::Error> {
    sqlx::query_as(include_str!("../../../sql/operations/step_states.sql")).bind(task_ids).fetch_all(connection).await
}
