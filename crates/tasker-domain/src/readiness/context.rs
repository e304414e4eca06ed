//! The execution context of a task as the original's SQL function has it.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::backoff::TooManyAttempts;
use super::rails::{Rails, StepReadiness, judge_at};
use super::recorded::{RecordedStep, RecordedTask};
use super::rows::{TaskRow, is_finished};
use super::semantics::Semantics;
use super::snapshot::Snapshot;
use crate::decimal::Decimal;
use crate::state::StepState;

/// Makes an enum of words: it is shown, written as JSON and read as them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    UnknownWord { what: $what, text: text.to_owned() }
                })
            }
        }
    };
}

/// A word that is none of those a column of the original's functions may hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: the function was replaced by one that is not the original's")]
pub struct UnknownWord {
    what: &'static str,
    text: String,
}

words! {
    /// Where a task stands (B-SQL-046). The first that applies, in this order.
    ExecutionStatus, "execution status", {
        /// A step can run now.
        HasReadySteps = "has_ready_steps",
        /// A step runs.
        Processing = "processing",
        /// A failed step has used up its attempts.
        BlockedByFailures = "blocked_by_failures",
        /// There are steps, and all are complete or settled by a person.
        AllComplete = "all_complete",
        /// None of these.
        WaitingForDependencies = "waiting_for_dependencies",
    }
}

words! {
    /// What should be done (B-SQL-047); each belongs to one [`ExecutionStatus`].
    RecommendedAction, "recommended action", {
        /// Carry out what is ready.
        ExecuteReadySteps = "execute_ready_steps",
        /// Wait for what runs.
        WaitForCompletion = "wait_for_completion",
        /// See to the failures.
        HandleFailures = "handle_failures",
        /// End the task.
        FinalizeTask = "finalize_task",
        /// Wait.
        WaitForDependencies = "wait_for_dependencies",
    }
}

words! {
    /// What the failures of a task mean (B-SQL-050).
    HealthStatus, "health status", {
        /// No failed step.
        Healthy = "healthy",
        /// Failed steps, and something can go on or will be tried again.
        Recovering = "recovering",
        /// Failed steps with their attempts used up, and nothing is ready.
        Blocked = "blocked",
        /// Stands in the original's function, which never gives it.
        Unknown = "unknown",
    }
}

impl ExecutionStatus {
    /// What should be done about a task that stands so (B-SQL-047).
    pub fn recommended_action(self) -> RecommendedAction {
        match self {
            Self::HasReadySteps => RecommendedAction::ExecuteReadySteps,
            Self::Processing => RecommendedAction::WaitForCompletion,
            Self::BlockedByFailures => RecommendedAction::HandleFailures,
            Self::AllComplete => RecommendedAction::FinalizeTask,
            Self::WaitingForDependencies => RecommendedAction::WaitForDependencies,
        }
    }
}

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
