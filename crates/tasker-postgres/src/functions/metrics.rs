//! `get_analytics_metrics_v01`: figures of the whole database and of the tasks created since an instant.

use chrono::NaiveDateTime;
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgExecutor, Row};

use super::{Decimal, FunctionError, execution_context::parsed, instant};

/// Figures of the whole database and of a window of time that is open at its start.
///
/// "Completed" and "failed" are said of a task with at least one such step, so that a task can be both; durations are
/// means over completed steps, so that a task weighs as much as it has of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnalyticsMetrics {
    /// Tasks of all time with a step that is pending, running or cancelled (B-SQL-086).
    pub active_tasks_count: i64,
    /// Namespaces of all time that have tasks.
    pub total_namespaces_count: i64,
    /// Names of task types of all time that have tasks.
    pub unique_task_types_count: i64,
    /// Completed tasks of the completed and failed ones among those created within the last hour (B-SQL-087); 1.0
    /// without any.
    pub system_health_score: Decimal,
    /// Tasks created in the window (B-SQL-088).
    pub task_throughput: i64,
    /// Of those, the completed ones.
    pub completion_count: i64,
    /// Of those, the failed ones.
    pub error_count: i64,
    /// Completed ones in percent.
    pub completion_rate: Decimal,
    /// Failed ones in percent.
    pub error_rate: Decimal,
    /// Mean seconds from a task's creation to the completion of its steps (B-SQL-089).
    pub avg_task_duration: Decimal,
    /// Mean seconds from a step's creation to its completion.
    pub avg_step_duration: Decimal,
    /// Steps of tasks created in the window.
    pub step_throughput: i64,
    /// Start of the window, UTC.
    #[serde(serialize_with = "instant::serialize")]
    pub analysis_period_start: NaiveDateTime,
    /// The database's instant, UTC.
    #[serde(serialize_with = "instant::serialize")]
    pub calculated_at: NaiveDateTime,
}

impl AnalyticsMetrics {
    /// The figures of the tasks created after `since` (UTC); without it, within the last hour (B-SQL-085).
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn since(executor: impl PgExecutor<'_>, since: Option<NaiveDateTime>) -> Result<Self, FunctionError> {
        Ok(sqlx::query_as(include_str!("../../sql/functions/analytics_metrics.sql"))
            .bind(since)
            .fetch_one(executor)
            .await?)
    }
}

impl<'r> FromRow<'r, PgRow> for AnalyticsMetrics {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            active_tasks_count: row.try_get("active_tasks_count")?,
            total_namespaces_count: row.try_get("total_namespaces_count")?,
            unique_task_types_count: row.try_get("unique_task_types_count")?,
            system_health_score: parsed(row, "system_health_score")?,
            task_throughput: row.try_get("task_throughput")?,
            completion_count: row.try_get("completion_count")?,
            error_count: row.try_get("error_count")?,
            completion_rate: parsed(row, "completion_rate")?,
            error_rate: parsed(row, "error_rate")?,
            avg_task_duration: parsed(row, "avg_task_duration")?,
            avg_step_duration: parsed(row, "avg_step_duration")?,
            step_throughput: row.try_get("step_throughput")?,
            analysis_period_start: instant::required(row, "analysis_period_start")?,
            calculated_at: instant::required(row, "calculated_at")?,
        })
    }
}
