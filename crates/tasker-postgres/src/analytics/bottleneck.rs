//! What holds up the tasks of a scope.

use chrono::{NaiveDateTime, TimeDelta};
use serde::Serialize;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::{Acquire, FromRow, Postgres};

use super::recommendations::recommendations;
use crate::functions::{FunctionError, serialize_instant};

/// Which tasks a report is about; what is given must hold, exactly. Without anything, all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Scope {
    /// Name of the namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the task type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Version of the task type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What holds up the tasks of a scope that were created within a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BottleneckReport {
    /// How many tasks it is about.
    pub scope_summary: ScopeSummary,
    /// What holds them up.
    pub bottleneck_analysis: BottleneckAnalysis,
    /// How long they take.
    pub performance_distribution: PerformanceDistribution,
    /// What could be done: from one to five lines.
    pub recommendations: Vec<String>,
    /// What was asked for.
    pub scope: Scope,
    /// Length of the period in hours.
    pub analysis_period_hours: u32,
    /// When the report was asked for, UTC.
    #[serde(serialize_with = "serialize_instant")]
    pub generated_at: NaiveDateTime,
}

/// How many tasks a report is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScopeSummary {
    /// Tasks.
    pub total_tasks: i64,
    /// Names of their task types.
    pub unique_task_types: i64,
    /// Length of the period in hours.
    pub time_span_hours: f64,
}

/// What holds up the tasks of a scope.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BottleneckAnalysis {
    /// At most ten tasks, slowest first.
    pub slowest_tasks: Vec<SlowTask>,
    /// At most ten steps, slowest first.
    pub slowest_steps: Vec<SlowStep>,
    /// Failures.
    pub error_patterns: ErrorPatterns,
    /// Steps that wait for others.
    pub dependency_bottlenecks: DependencyBottlenecks,
}

/// A task and how long it took from its creation to the newest end of a step. Unlike in
/// [`SlowestTask`](crate::functions::SlowestTask) every step counts once.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct SlowTask {
    /// Id of the task.
    pub task_id: i64,
    /// Name of the task type.
    pub task_name: String,
    /// Name of the namespace.
    pub namespace_name: String,
    /// Version of the task type.
    pub version: String,
    /// Seconds, three decimals.
    pub duration_seconds: f64,
    /// Steps.
    pub step_count: i64,
    /// Completed steps.
    pub completed_steps: i64,
    /// Failed steps.
    pub error_steps: i64,
    /// Creation, UTC.
    #[serde(serialize_with = "serialize_instant")]
    pub created_at: NaiveDateTime,
    /// The newest completion or failure of a step, UTC.
    #[serde(serialize_with = "serialize_instant")]
    pub completed_at: NaiveDateTime,
    /// Who asked for the task.
    pub initiator: Option<String>,
    /// The system that asked for it.
    pub source_system: Option<String>,
}

/// A completed step and how long it took from its creation.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct SlowStep {
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
    /// Seconds, three decimals.
    pub duration_seconds: f64,
    /// Attempts.
    pub attempts: i32,
    /// Creation, UTC.
    #[serde(serialize_with = "serialize_instant")]
    pub created_at: NaiveDateTime,
    /// Completion, UTC.
    #[serde(serialize_with = "serialize_instant")]
    pub completed_at: NaiveDateTime,
    /// Whether the step may be tried again.
    pub retryable: bool,
}

/// Failures of the tasks of a scope.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct ErrorPatterns {
    /// Tasks that went into `error` within the period and stand in it.
    pub total_errors: i64,
    /// Those in percent of all, one decimal.
    pub recent_error_rate: f64,
    /// The three most frequent classes of the failed steps' errors, most frequent first.
    pub common_error_types: Vec<String>,
    /// Completed ones of the steps that were tried more than once, in percent, one decimal; 0 without any (B-ANA-019).
    pub retry_success_rate: f64,
}

/// Steps that wait for others.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct DependencyBottlenecks {
    /// Edges from an unfinished step into a pending one.
    pub blocking_dependencies: i64,
    /// Mean age in seconds of the pending steps that are older than five minutes, one decimal; 0 without any.
    pub avg_wait_time: f64,
    /// The three most frequent names of pending steps that wait for an unfinished one, most frequent first.
    pub most_blocked_steps: Vec<String>,
}

/// How long the tasks take that have a step which was completed within the period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PerformanceDistribution {
    /// Measured durations.
    pub percentiles: Percentiles,
    /// Numbers of tasks by duration: below 10 s, below 30 s, the others.
    pub distribution_buckets: [DurationBucket; 3],
}

/// Seconds within which a share of the tasks ends, three decimals; 0 without tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
}

/// Number of tasks in a range of durations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DurationBucket {
    /// The range, such as `0-10s`.
    pub range: &'static str,
    /// Number of tasks.
    pub count: i64,
}

#[derive(FromRow)]
struct SummaryRow {
    total_tasks: i64,
    unique_task_types: i64,
}

#[derive(FromRow)]
struct DistributionRow {
    p50: f64,
    p95: f64,
    p99: f64,
    under_10: i64,
    under_30: i64,
    from_30: i64,
}

impl BottleneckReport {
    /// The report about the tasks of a scope created within the last `period_hours` hours before `now` (UTC). All of it
    /// is read within one transaction.
    ///
    /// # Errors
    /// Whatever the database says about any part.
    pub async fn at<'c>(
        database: impl Acquire<'c, Database = Postgres>,
        scope: Scope,
        period_hours: u32,
        now: NaiveDateTime,
    ) -> Result<Self, FunctionError> {
        let since = now - TimeDelta::hours(i64::from(period_hours));
        let mut transaction = database.begin().await?;
        let summary: SummaryRow = ask(include_str!("../../sql/analytics/scope_summary.sql"), since, &scope)
            .fetch_one(&mut *transaction)
            .await?;
        let slowest_tasks: Vec<SlowTask> = ask(include_str!("../../sql/analytics/slowest_tasks.sql"), since, &scope)
            .fetch_all(&mut *transaction)
            .await?;
        let slowest_steps: Vec<SlowStep> = ask(include_str!("../../sql/analytics/slowest_steps.sql"), since, &scope)
            .fetch_all(&mut *transaction)
            .await?;
        let error_patterns = ask(include_str!("../../sql/analytics/error_patterns.sql"), since, &scope)
            .fetch_one(&mut *transaction)
            .await?;
        let dependency_bottlenecks = ask(include_str!("../../sql/analytics/dependency_bottlenecks.sql"), since, &scope)
            .bind(now)
            .fetch_one(&mut *transaction)
            .await?;
        let distribution: DistributionRow =
            ask(include_str!("../../sql/analytics/performance_distribution.sql"), since, &scope)
                .fetch_one(&mut *transaction)
                .await?;
        transaction.rollback().await?;
        Ok(Self {
            scope_summary: ScopeSummary {
                total_tasks: summary.total_tasks,
                unique_task_types: summary.unique_task_types,
                time_span_hours: f64::from(period_hours),
            },
            recommendations: recommendations(&slowest_tasks, &slowest_steps),
            bottleneck_analysis: BottleneckAnalysis {
                slowest_tasks,
                slowest_steps,
                error_patterns,
                dependency_bottlenecks,
            },
            performance_distribution: PerformanceDistribution::of(&distribution),
            scope,
            analysis_period_hours: period_hours,
            generated_at: now,
        })
    }
}

impl PerformanceDistribution {
    fn of(row: &DistributionRow) -> Self {
        let bucket = |range, count| DurationBucket { range, count };
        Self {
            percentiles: Percentiles { p50: row.p50, p95: row.p95, p99: row.p99 },
            distribution_buckets: [
                bucket("0-10s", row.under_10),
                bucket("10-30s", row.under_30),
                bucket("30s+", row.from_30),
            ],
        }
    }
}

/// A statement about the tasks of a scope; they are its first four parameters.
fn ask<'q, T>(sql: &'static str, since: NaiveDateTime, scope: &'q Scope) -> QueryAs<'q, Postgres, T, PgArguments>
where
    T: for<'r> FromRow<'r, sqlx::postgres::PgRow>,
{
    sqlx::query_as(sql)
        .bind(since)
        .bind(scope.namespace.as_deref())
        .bind(scope.name.as_deref())
        .bind(scope.version.as_deref())
}
