//! `get_system_health_counts_v01`, without the two columns about connections.

use serde::{Deserialize, Serialize};

use super::Record;
use crate::readiness::Recorded;
use crate::state::{StepState, TaskState};

/// How many tasks and steps stand in which state. One without a history counts in its total only, as do those that a
/// person settled and words that are no state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemHealthCounts {
    /// All tasks.
    pub total_tasks: i64,
    /// Tasks whose history ends in `pending`.
    pub pending_tasks: i64,
    /// In `in_progress`.
    pub in_progress_tasks: i64,
    /// In `complete`.
    pub complete_tasks: i64,
    /// In `error`.
    pub error_tasks: i64,
    /// In `cancelled`.
    pub cancelled_tasks: i64,
    /// All steps.
    pub total_steps: i64,
    /// Steps whose history ends in `pending`.
    pub pending_steps: i64,
    /// In `in_progress`.
    pub in_progress_steps: i64,
    /// In `complete`.
    pub complete_steps: i64,
    /// In `error`.
    pub error_steps: i64,
    /// Failed steps with attempts left that may be retried; a row that lacks a number counts in none of the three.
    pub retryable_error_steps: i64,
    /// Failed steps with their attempts used up.
    pub exhausted_retry_steps: i64,
    /// Of the retryable ones, those with a last attempt. Whether they still wait is not looked at.
    pub in_backoff_steps: i64,
}

/// The counts over all rows.
pub fn system_health_counts(record: &Record) -> SystemHealthCounts {
    let mut counts = SystemHealthCounts::default();
    for task in &record.tasks {
        counts.total_tasks += 1;
        match task.newest.as_ref().and_then(Recorded::known) {
            Some(TaskState::Pending) => counts.pending_tasks += 1,
            Some(TaskState::InProgress) => counts.in_progress_tasks += 1,
            Some(TaskState::Complete) => counts.complete_tasks += 1,
            Some(TaskState::Error) => counts.error_tasks += 1,
            Some(TaskState::Cancelled) => counts.cancelled_tasks += 1,
            Some(TaskState::ResolvedManually) | None => {}
        }
    }
    for step in &record.steps {
        counts.total_steps += 1;
        match step.facts.newest.as_ref().and_then(|newest| newest.state.known()) {
            Some(StepState::Pending) => counts.pending_steps += 1,
            Some(StepState::InProgress) => counts.in_progress_steps += 1,
            Some(StepState::Complete) => counts.complete_steps += 1,
            Some(StepState::Error) => {
                counts.error_steps += 1;
                let (Some(attempts), Some(limit)) = (step.facts.attempts, step.facts.retry_limit) else { continue };
                if attempts >= limit {
                    counts.exhausted_retry_steps += 1;
                } else if step.facts.retryable == Some(true) {
                    counts.retryable_error_steps += 1;
                    counts.in_backoff_steps += i64::from(step.facts.last_attempted_at.is_some());
                }
            }
            Some(StepState::Cancelled | StepState::ResolvedManually) | None => {}
        }
    }
    counts
}
