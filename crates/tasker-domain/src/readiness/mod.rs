//! Which steps can run, and where a task stands: of rows at an instant, in two semantics.
//!
//! - [`Rails`]: what the original's SQL functions answer, value for value: [`step_readiness`] has the 16 columns of
//!   `get_step_readiness_status`, [`task_execution_context`] the 13 of `get_task_execution_context`;
//!   [`dependency_levels`] and [`step_dag`] answer as its level function and its view do, in linear time.
//! - [`Tasker`]: what our engine runs by: [`task_standing`].
//!
//! Both come whole, from a [`Snapshot`], or kept up to date by a [`Tracker`], in which a change of a step costs its children
//! and not the task. An instant is handed in; no clock is read. PostgreSQL's `infinity` is the last instant that the type
//! has, `-infinity` the first.

mod backoff;
mod context;
mod outlook;
mod positions;
mod rails;
mod recorded;
mod rows;
mod semantics;
mod snapshot;
mod tasker;
mod tracker;
mod words;

pub use backoff::TooManyAttempts;
pub use context::{ContextCounts, TaskExecutionContext, task_execution_context, task_execution_contexts};
pub use outlook::{Outlook, StepStanding, TaskStanding, task_standing};
pub use positions::{CycleBehindRoot, DependencyLevel, StepDag, dependency_levels, step_dag};
pub use rails::{Rails, StepReadiness, step_readiness, step_readiness_batch};
pub use recorded::{Recorded, RecordedStep, RecordedTask};
pub use rows::{EngineFacts, Newest, StepFacts, StepRow, TaskRow};
pub use semantics::{Judged, Parents, Semantics};
pub use snapshot::{Edge, Rows, Snapshot, SnapshotError};
pub use tasker::{DeathCause, Standing, StandingCounts, Tasker};
pub use tracker::{RailsTracker, TaskTracker, Tracker};
pub use words::{
    BackoffKind, BlockingReason, ExecutionStatus, HealthStatus, RecommendedAction, RetryStatus, UnknownWord, Urgency,
};
