//! `get_slowest_steps_v01` and `get_slowest_tasks_v01`.
//!
//! As Rails makes them both fail at every call; ours work.

use chrono::NaiveDateTime;
use serde::Serialize;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryAs;
use sqlx::{FromRow, PgExecutor, Postgres, Row};

use super::{Decimal, FunctionError, SlowestFilter, execution_context::parsed, instant};

/// A statement about the rows that a filter takes.
fn ask<'q, T>(sql: &'static str, filter: &'q SlowestFilter) -> QueryAs<'q, Postgres, T, PgArguments>
where
    T: for<'r> FromRow<'r, PgRow>,
{
    sqlx::query_as(sql)
        .bind(filter.since)
        .bind(filter.limit)
        .bind(filter.namespace.as_deref())
        .bind(filter.task_name.as_deref())
        .bind(filter.version.as_deref())
}

/// A completed step and how long it took from its creation (B-SQL-091).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlowestStep {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Id of its task.
    pub task_id: i64,
    /// Name of the step.
    pub step_name: String,
    /// Name of the task type.
    pub task_name: String,
    /// Name of the namespace.
    pub namespace_name: String,
    /// Version of the task type.
    pub version: String,
    /// Seconds from creation to completion, three decimals.
    pub duration_seconds: Decimal,
    /// Attempts as they stand in the row.
    pub attempts: Option<i32>,
    /// Creation, UTC.
    #[serde(serialize_with = "instant::serialize")]
    pub created_at: NaiveDateTime,
    /// Completion, UTC.
    #[serde(serialize_with = "instant::serialize")]
    pub completed_at: NaiveDateTime,
    /// Whether the step may be tried again.
    pub retryable: bool,
    /// Always `complete`.
    pub step_status: String,
}

impl SlowestStep {
    /// The slowest steps, slowest first (B-SQL-093).
    ///
    /// # Errors
    /// [`FunctionError::OriginalFails`] on a database that Rails made, [`FunctionError::NegativeLimit`], and whatever the
    /// database says.
    pub async fn list(executor: impl PgExecutor<'_>, filter: &SlowestFilter) -> Result<Vec<Self>, FunctionError> {
        Ok(ask(include_str!("../../sql/functions/slowest_steps.sql"), filter).fetch_all(executor).await?)
    }

    /// Attempts, 0 where the row has none.
    pub fn attempt_count(&self) -> i32 {
        self.attempts.unwrap_or(0)
    }
}

/// A task and how long it took from its creation to the newest end of a step (B-SQL-094).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlowestTask {
    /// Id of the task.
    pub task_id: i64,
    /// Name of the task type.
    pub task_name: String,
    /// Name of the namespace.
    pub namespace_name: String,
    /// Version of the task type.
    pub version: String,
    /// Seconds from creation to the newest completion or failure of a step, three decimals; may be negative.
    pub duration_seconds: Decimal,
    /// Rows in the histories of all steps, those without any counted once (B-SQL-095): more than there are steps.
    pub step_count: i64,
    /// The same of completed steps.
    pub completed_steps: i64,
    /// The same of failed steps.
    pub error_steps: i64,
    /// Creation, UTC.
    #[serde(serialize_with = "instant::serialize")]
    pub created_at: NaiveDateTime,
    /// The newest completion or failure of a step, UTC.
    #[serde(serialize_with = "instant::serialize_optional")]
    pub completed_at: Option<NaiveDateTime>,
    /// Who asked for the task.
    pub initiator: Option<String>,
    /// The system that asked for it.
    pub source_system: Option<String>,
}

impl SlowestTask {
    /// The slowest tasks, slowest first (B-SQL-094). The counts of steps are the original's, inflated ones.
    ///
    /// # Errors
    /// As [`SlowestStep::list`].
    pub async fn list(executor: impl PgExecutor<'_>, filter: &SlowestFilter) -> Result<Vec<Self>, FunctionError> {
        Ok(ask(include_str!("../../sql/functions/slowest_tasks.sql"), filter).fetch_all(executor).await?)
    }
}

impl<'r> FromRow<'r, PgRow> for SlowestStep {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            workflow_step_id: row.try_get("workflow_step_id")?,
            task_id: row.try_get("task_id")?,
            step_name: row.try_get("step_name")?,
            task_name: row.try_get("task_name")?,
            namespace_name: row.try_get("namespace_name")?,
            version: row.try_get("version")?,
            duration_seconds: parsed(row, "duration_seconds")?,
            attempts: row.try_get("attempts")?,
            created_at: instant::required(row, "created_at")?,
            completed_at: instant::required(row, "completed_at")?,
            retryable: row.try_get("retryable")?,
            step_status: row.try_get("step_status")?,
        })
    }
}

impl<'r> FromRow<'r, PgRow> for SlowestTask {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            task_id: row.try_get("task_id")?,
            task_name: row.try_get("task_name")?,
            namespace_name: row.try_get("namespace_name")?,
            version: row.try_get("version")?,
            duration_seconds: parsed(row, "duration_seconds")?,
            step_count: row.try_get("step_count")?,
            completed_steps: row.try_get("completed_steps")?,
            error_steps: row.try_get("error_steps")?,
            created_at: instant::required(row, "created_at")?,
            completed_at: instant::optional(row, "completed_at")?,
            initiator: row.try_get("initiator")?,
            source_system: row.try_get("source_system")?,
        })
    }
}
