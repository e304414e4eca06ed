//! The nine functions and the view that the original's schema has, typed: what a Rails application asks them, a Rust
//! program asks here and gets the same rows.
//!
//! Every call takes anything that a statement can be run on: a pool, a connection, an open transaction. Results are
//! snapshots. Values that depend on the present instant take it as an argument. Our own engine asks none of these
//! functions what to run.

mod dependency_levels;
mod error;
mod execution_context;
mod health;
mod instant;
mod metrics;
mod readiness;
mod readiness_words;
mod slowest;
mod snapshot;
mod step_dag;

pub use dependency_levels::{DependencyLevel, DependencyLevels};
pub use error::FunctionError;
pub use execution_context::{NextAction, ProgressDetails, TaskExecutionContext, WorkflowSummary};
pub use health::SystemHealthCounts;
pub(crate) use instant::serialize as serialize_instant;
pub use metrics::AnalyticsMetrics;
pub use readiness::{DetailedStatus, ReadinessReport, StepReadiness};
pub use readiness_words::{DependencyStatus, Selection};
pub use slowest::{SlowestStep, SlowestTask};
pub use snapshot::task_snapshot;
pub use step_dag::StepDag;
pub use tasker_domain::decimal::{Decimal, InvalidDecimal};
pub use tasker_domain::readiness::{
    BackoffKind, BlockingReason, ExecutionStatus, HealthStatus, RecommendedAction, RetryStatus, UnknownWord, Urgency,
};
pub use tasker_domain::statistics::SlowestFilter;
