//! The rows that readiness is judged by.

use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::recorded::{RecordedStep, RecordedTask};
use crate::state::{StepState, TaskState};

/// Attempts in all of a row without a number.
pub(super) const DEFAULT_RETRY_LIMIT: i32 = 3;

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRow {
    /// Id of the task.
    pub task_id: i64,
    /// Id of its named task.
    pub named_task_id: i32,
    /// The state of the newest row of its history; none without a row, which means pending.
    #[serde(default)]
    pub newest: Option<RecordedTask>,
    /// Whether a dead step halts the whole task. Rails semantics know nothing of it.
    #[serde(default)]
    pub fail_fast: bool,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRow {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Id of its task.
    pub task_id: i64,
    /// Id of its named step.
    pub named_step_id: i32,
    /// Name of its named step.
    pub name: Arc<str>,
    /// What changes about it.
    #[serde(flatten)]
    pub facts: StepFacts,
}

/// What changes about a step, as its row and its history have it. Instants are UTC. By default a step that nothing has
/// happened to, with the columns' own defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepFacts {
    /// The newest row of its history; none without a row, which means pending.
    pub newest: Option<Newest>,
    /// Attempts so far.
    pub attempts: Option<i32>,
    /// Attempts in all.
    pub retry_limit: Option<i32>,
    /// Whether another attempt may follow a failed one. The original reads it as: whether the step may run at all.
    pub retryable: Option<bool>,
    /// Whether somebody carries it out, as the original marks it.
    pub in_process: Option<bool>,
    /// Whether it has been carried out, as the original marks it.
    pub processed: Option<bool>,
    /// Wait that was asked for, in seconds after the last attempt.
    pub backoff_request_seconds: Option<i32>,
    /// Last attempt.
    pub last_attempted_at: Option<NaiveDateTime>,
    /// What our side tables know of it. Rails semantics do not look at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineFacts>,
}

/// The newest row of a step's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// The state it leads to.
    pub state: RecordedStep,
    /// When.
    pub at: NaiveDateTime,
}

/// What our side tables know of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// Attempts begun, those that were handed back not counted.
    pub attempts: i32,
    /// Attempts in all that its definition allows.
    pub attempts_allowed: i32,
    /// The instant that a failed step waits for; without it, the one that Rails' rules give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at: Option<NaiveDateTime>,
}

impl Default for StepFacts {
    fn default() -> Self {
        Self {
            newest: None,
            attempts: Some(0),
            retry_limit: Some(DEFAULT_RETRY_LIMIT),
            retryable: Some(true),
            in_process: Some(false),
            processed: Some(false),
            backoff_request_seconds: None,
            last_attempted_at: None,
            engine: None,
        }
    }
}

impl StepFacts {
    /// The state that the history ends with; pending without one.
    pub fn state(&self) -> RecordedStep {
        self.newest.as_ref().map_or(RecordedStep::Known(StepState::Pending), |newest| newest.state.clone())
    }

    /// Whether the step has ended well, which its children wait for: complete, or settled by a person.
    pub fn is_finished(&self) -> bool {
        self.newest.as_ref().is_some_and(|newest| is_finished(&newest.state))
    }

    /// When the step failed, while it stands in `error`.
    pub fn failed_at(&self) -> Option<NaiveDateTime> {
        self.newest
            .as_ref()
            .filter(|newest| newest.state == RecordedStep::Known(StepState::Error))
            .map(|newest| newest.at)
    }
}

impl TaskRow {
    /// The state that the history ends with; pending without one.
    pub fn state(&self) -> RecordedTask {
        self.newest.clone().unwrap_or(RecordedTask::Known(TaskState::Pending))
    }
}

/// Whether a step in this state has ended well.
pub(super) fn is_finished(state: &RecordedStep) -> bool {
    matches!(state, RecordedStep::Known(StepState::Complete | StepState::ResolvedManually))
}
