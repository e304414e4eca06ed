//! How the whole system does now and how it did within the last day.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, TimeDelta};
use serde::Serialize;
use sqlx::{Acquire, Postgres};

use crate::functions::{AnalyticsMetrics, FunctionError, serialize_instant};

/// How the whole system does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PerformanceReport {
    /// Now.
    pub system_overview: SystemOverview,
    /// Within the last 1, 4 and 24 hours.
    pub performance_trends: PerformanceTrends,
    /// What the program that asks has counted in its own memory; no database knows it. Missing unless it was handed in
    /// with [`PerformanceReport::with_telemetry`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telemetry_insights: Option<TelemetryInsights>,
    /// When the report was asked for, UTC.
    #[serde(serialize_with = "serialize_instant")]
    pub generated_at: NaiveDateTime,
}

/// Statistics of one program's telemetry since it started, as its exporters and its router of events tell them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TelemetryInsights {
    /// Of traces.
    pub trace_stats: BTreeMap<String, serde_json::Value>,
    /// Of logs.
    pub log_stats: BTreeMap<String, serde_json::Value>,
    /// Of the router of events.
    pub event_router_stats: BTreeMap<String, serde_json::Value>,
}

/// Figures of the whole database.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SystemOverview {
    /// Tasks with a step that is pending, running or cancelled.
    pub active_tasks: i64,
    /// Namespaces that have tasks.
    pub total_namespaces: i64,
    /// Names of task types that have tasks.
    pub unique_task_types: i64,
    /// Completed tasks of the completed and failed ones of the last hour, from 0 to 1.
    pub system_health_score: f64,
}

/// The same figures over three windows of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PerformanceTrends {
    /// Tasks created within the last hour.
    pub last_hour: TrendFigures,
    /// … within the last four hours.
    pub last_4_hours: TrendFigures,
    /// … within the last day.
    pub last_24_hours: TrendFigures,
}

/// Figures of the tasks created in a window of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrendFigures {
    /// Their number.
    pub task_throughput: i64,
    /// Those with a completed step, in percent.
    pub completion_rate: f64,
    /// Those with a failed step, in percent.
    pub error_rate: f64,
    /// Mean seconds from a task's creation to the completion of its steps.
    pub avg_task_duration: f64,
    /// Mean seconds from a step's creation to its completion.
    pub avg_step_duration: f64,
    /// Number of their steps.
    pub step_throughput: i64,
}

impl PerformanceReport {
    /// The report at the instant `now` (UTC). The metrics are asked four times, within one transaction; each time the
    /// tables are read.
    ///
    /// # Errors
    /// Whatever the metrics say (B-ANA-027).
    pub async fn at<'c>(
        database: impl Acquire<'c, Database = Postgres>,
        now: NaiveDateTime,
    ) -> Result<Self, FunctionError> {
        let mut transaction = database.begin().await?;
        let overall = AnalyticsMetrics::since(&mut *transaction, None).await?;
        let hour = AnalyticsMetrics::since(&mut *transaction, Some(now - TimeDelta::hours(1))).await?;
        let four_hours = AnalyticsMetrics::since(&mut *transaction, Some(now - TimeDelta::hours(4))).await?;
        let day = AnalyticsMetrics::since(&mut *transaction, Some(now - TimeDelta::hours(24))).await?;
        transaction.rollback().await?;
        Ok(Self {
            system_overview: SystemOverview {
                active_tasks: overall.active_tasks_count,
                total_namespaces: overall.total_namespaces_count,
                unique_task_types: overall.unique_task_types_count,
                system_health_score: overall.system_health_score.as_f64(),
            },
            performance_trends: PerformanceTrends {
                last_hour: TrendFigures::of(&hour),
                last_4_hours: TrendFigures::of(&four_hours),
                last_24_hours: TrendFigures::of(&day),
            },
            telemetry_insights: None,
            generated_at: now,
        })
    }

    /// The same report with the statistics of the program that asked for it (B-ANA-004).
    #[must_use]
    pub fn with_telemetry(self, telemetry_insights: TelemetryInsights) -> Self {
        Self { telemetry_insights: Some(telemetry_insights), ..self }
    }
}

impl TrendFigures {
    fn of(metrics: &AnalyticsMetrics) -> Self {
        Self {
            task_throughput: metrics.task_throughput,
            completion_rate: metrics.completion_rate.as_f64(),
            error_rate: metrics.error_rate.as_f64(),
            avg_task_duration: metrics.avg_task_duration.as_f64(),
            avg_step_duration: metrics.avg_step_duration.as_f64(),
            step_throughput: metrics.step_throughput,
        }
    }
}
