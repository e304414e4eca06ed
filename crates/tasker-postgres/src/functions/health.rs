//! `get_system_health_counts_v01`: figures of the whole database.

use serde::Serialize;
use sqlx::{FromRow, PgExecutor};

use super::FunctionError;

/// Tasks and steps of the whole database by state, and its connections. A task or step without a history counts in the
/// total only (B-SQL-082).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, FromRow)]
pub struct SystemHealthCounts {
    /// All tasks.
    pub total_tasks: i64,
    /// Tasks whose history ends with `pending`.
    pub pending_tasks: i64,
    /// … with `in_progress`.
    pub in_progress_tasks: i64,
    /// … with `complete`.
    pub complete_tasks: i64,
    /// … with `error`.
    pub error_tasks: i64,
    /// … with `cancelled`.
    pub cancelled_tasks: i64,
    /// All steps.
    pub total_steps: i64,
    /// Steps whose history ends with `pending`.
    pub pending_steps: i64,
    /// … with `in_progress`.
    pub in_progress_steps: i64,
    /// … with `complete`.
    pub complete_steps: i64,
    /// … with `error`.
    pub error_steps: i64,
    /// Failed steps that may be tried again (B-SQL-083).
    pub retryable_error_steps: i64,
    /// Failed steps with their attempts used up.
    pub exhausted_retry_steps: i64,
    /// Of [`retryable_error_steps`](Self::retryable_error_steps) those with a last attempt, whether or not they still
    /// wait (B-SQL-084).
    pub in_backoff_steps: i64,
    /// Sessions of this database that are at work, this one included; without the role `pg_read_all_stats` only those of
    /// one's own role.
    pub active_connections: i64,
    /// Sessions that the server allows.
    pub max_connections: i64,
}

impl SystemHealthCounts {
    /// The figures now. Every table of the record is read.
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn read(executor: impl PgExecutor<'_>) -> Result<Self, FunctionError> {
        Ok(sqlx::query_as(include_str!("../../sql/functions/system_health_counts.sql")).fetch_one(executor).await?)
    }
}
