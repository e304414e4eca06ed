//! The statistics of the original's SQL functions, as formulas over rows: counts of health, analytics, slowest steps and
//! tasks. Everything odd about them is kept; each function says what is.
//!
//! They look at whole databases. Nothing here reads one: whoever has the rows, from wherever, gets the same figures.

mod analytics;
mod health;
mod slowest;

use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::readiness::{RecordedTask, StepFacts};

pub use analytics::{AnalyticsMetrics, analytics_metrics};
pub use health::{SystemHealthCounts, system_health_counts};
pub use slowest::{NegativeLimit, SlowestFilter, SlowestStep, SlowestTask, slowest_steps, slowest_tasks};

/// The rows that statistics are made of, in any order. Instants are UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// All tasks.
    pub tasks: Vec<TaskRecord>,
    /// All steps; those of tasks that are not here count only where no task is looked at.
    pub steps: Vec<StepRecord>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Id of the task.
    pub task_id: i64,
    /// Name of the namespace.
    pub namespace: Arc<str>,
    /// Name of the task type.
    pub name: Arc<str>,
    /// Version of the task type.
    pub version: Arc<str>,
    /// Who asked for the task.
    pub initiator: Option<Arc<str>>,
    /// The system that asked for it.
    pub source_system: Option<Arc<str>>,
    /// Creation.
    pub created_at: NaiveDateTime,
    /// The state of the newest row of its history; none without a row.
    pub newest: Option<RecordedTask>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Id of its task.
    pub task_id: i64,
    /// Name of its named step.
    pub name: Arc<str>,
    /// Creation.
    pub created_at: NaiveDateTime,
    /// Number of rows of its history.
    pub transitions: usize,
    /// What changes about it.
    #[serde(flatten)]
    pub facts: StepFacts,
}

/// A duration in seconds with three decimals, half away from zero.
fn seconds(duration: TimeDelta) -> Decimal {
    mean_seconds(microseconds(duration), 1)
}

/// The mean of so many durations, in seconds with three decimals; `0.000` of none.
fn mean_seconds(total_microseconds: i128, number: i128) -> Decimal {
    Decimal::quotient(total_microseconds, number * 1_000_000, 3).unwrap_or(Decimal::new(0, 3))
}

fn microseconds(duration: TimeDelta) -> i128 {
    i128::from(duration.num_seconds()) * 1_000_000 + i128::from(duration.subsec_nanos() / 1_000)
}
