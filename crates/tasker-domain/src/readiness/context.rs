//! The execution context of a task as the original's SQL function has it.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::backoff::TooManyAttempts;
use super::rails::{Rails, StepReadiness, judge_at};
use super::recorded::{RecordedStep, RecordedTask};
use super::rows::{TaskRow, is_finished};
use super::semantics::Semantics;
use super::snapshot::Snapshot;
use super::words::{ExecutionStatus, HealthStatus, RecommendedAction};
use crate::decimal::Decimal;
use crate::state::StepState;

/// How far a task is: the 13 columns of `get_task_execution_context`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskExecutionContext {
    /// Id of the task.
    pub task_id: i64,
    /// Id of its named task.
    pub named_task_id: i32,
    /// The state its history ends with, `pending` without one.
    pub status: RecordedTask,
    /// Its steps.
    pub total_steps: i64,
    /// Steps in `pending`.
    pub pending_steps: i64,
    /// Steps in `in_progress`.
    pub in_progress_steps: i64,
    /// Steps in `complete` or `resolved_manually`.
    pub completed_steps: i64,
    /// Steps in `error`.
    pub failed_steps: i64,
    /// Steps that can run now; they count among the pending or failed ones too.
    pub ready_steps: i64,
    /// Where the task stands.
    pub execution_status: ExecutionStatus,
    /// What should be done.
    pub recommended_action: RecommendedAction,
    /// Completed steps of all, in percent with two decimals; `0.0` without steps.
    pub completion_percentage: Decimal,
    /// What its failures mean.
    pub health_status: HealthStatus,
}

/// What an execution context is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextCounts {
    /// All steps.
    pub total: i64,
    /// Pending ones.
    pub pending: i64,
    /// Running ones.
    pub in_progress: i64,
    /// Complete ones, and those that a person settled.
    pub completed: i64,
    /// Failed ones.
    pub failed: i64,
    /// Those that can run now.
    pub ready: i64,
    /// Failed ones with their attempts used up.
    pub exhausted: i64,
    /// Those whose attempts cannot be counted with: the original gives no context while there are any.
    pub beyond_counting: i64,
}

impl ContextCounts {
    pub(super) fn add(&mut self, answer: &Result<StepReadiness, TooManyAttempts>, number: i64) {
        let Ok(step) = answer else {
            self.beyond_counting += number;
            return;
        };
        self.total += number;
        if step.ready_for_execution {
            self.ready += number;
        }
        match &step.current_state {
            RecordedStep::Known(StepState::Pending) => self.pending += number,
            RecordedStep::Known(StepState::InProgress) => self.in_progress += number,
            RecordedStep::Known(StepState::Error) => {
                self.failed += number;
                if step.attempts >= step.retry_limit {
                    self.exhausted += number;
                }
            }
            state if is_finished(state) => self.completed += number,
            // cancelled ones, and words that are no state, count in the total only
            RecordedStep::Known(_) | RecordedStep::Other(_) => {}
        }
    }

    /// Where a task with these counts stands.
    pub fn execution_status(&self) -> ExecutionStatus {
        if self.ready > 0 {
            ExecutionStatus::HasReadySteps
        } else if self.in_progress > 0 {
            ExecutionStatus::Processing
        } else if self.exhausted > 0 {
            ExecutionStatus::BlockedByFailures
        } else if self.total > 0 && self.completed == self.total {
            ExecutionStatus::AllComplete
        } else {
            ExecutionStatus::WaitingForDependencies
        }
    }

    /// What the failures of a task with these counts mean.
    pub fn health_status(&self) -> HealthStatus {
        if self.failed == 0 {
            HealthStatus::Healthy
        } else if self.ready > 0 || self.exhausted == 0 {
            HealthStatus::Recovering
        } else {
            HealthStatus::Blocked
        }
    }

    /// Completed steps of all in percent, two decimals, half away from zero; one decimal without steps.
    pub fn completion_percentage(&self) -> Decimal {
        Decimal::quotient(100 * i128::from(self.completed), i128::from(self.total), 2).unwrap_or(Decimal::new(0, 1))
    }

    /// The context of a task with these counts.
    pub(super) fn context(&self, task: &TaskRow) -> TaskExecutionContext {
        let execution_status = self.execution_status();
        TaskExecutionContext {
            task_id: task.task_id,
            named_task_id: task.named_task_id,
            status: task.state(),
            total_steps: self.total,
            pending_steps: self.pending,
            in_progress_steps: self.in_progress,
            completed_steps: self.completed,
            failed_steps: self.failed,
            ready_steps: self.ready,
            execution_status,
            recommended_action: execution_status.recommended_action(),
            completion_percentage: self.completion_percentage(),
            health_status: self.health_status(),
        }
    }
}

/// The execution context of a task at an instant (UTC); none for an unknown one.
///
/// # Errors
/// [`TooManyAttempts`] of the first such step of the task.
pub fn task_execution_context(
    snapshot: &Snapshot,
    task_id: i64,
    now: NaiveDateTime,
) -> Result<Option<TaskExecutionContext>, TooManyAttempts> {
    let Some(task) = snapshot.task(task_id) else { return Ok(None) };
    let mut counts = ContextCounts::default();
    for place in snapshot.places_of(task_id) {
        let answer = judge_at::<Rails>(snapshot, place, now).answer;
        Rails::count(&mut counts, &answer);
        answer?;
    }
    Ok(Some(counts.context(task)))
}

/// The execution contexts of several tasks at an instant (UTC), by id: one for each element that names a task, so that a
/// repeated element has repeated rows.
///
/// # Errors
/// [`TooManyAttempts`] of the first such step among them.
pub fn task_execution_contexts(
    snapshot: &Snapshot,
    task_ids: &[i64],
    now: NaiveDateTime,
) -> Result<Vec<TaskExecutionContext>, TooManyAttempts> {
    let mut listed = task_ids.to_vec();
    listed.sort_unstable();
    let mut contexts: Vec<TaskExecutionContext> = Vec::with_capacity(listed.len());
    for task_id in listed {
        if let Some(last) = contexts.last().filter(|last| last.task_id == task_id) {
            contexts.push(last.clone());
        } else if let Some(context) = task_execution_context(snapshot, task_id, now)? {
            contexts.push(context);
        }
    }
    Ok(contexts)
}
