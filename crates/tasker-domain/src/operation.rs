//! What a person may do to a task or step by hand: which rows of history it takes from which state, and what is refused
//! (the table under R-22). Every operation is idempotent: what is so already is answered as such and changes nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::state::{StepState, TaskState};

/// The word under which the history has the death of a step that was not done within its deadline: as its reason, and in
/// the place of an operation.
pub const DEADLINE: &str = "deadline";

/// Something to be done to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskOperation {
    /// Call it off, with every step that has not ended.
    Cancel,
    /// Settle a failed task by hand; its steps stay as they are.
    Resolve,
    /// Send a failed task on: its failed steps are tried again.
    Retry,
}

/// Something to be done to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOperation {
    /// Call it off. It holds its task from then on.
    Cancel,
    /// Settle it by hand: its children go on without results of it.
    Resolve,
    /// End it well with given results, without its handler or instead of it.
    Complete,
    /// Pass over it as if its request had said so.
    Bypass,
    /// Try a failed step again.
    Retry,
}

/// What an operation does to something in a certain state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way<State: 'static> {
    /// It goes through these states, in this order.
    Through(&'static [State]),
    /// It is so already.
    AlreadySo,
}

/// An operation that is not legal in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refused<State: 'static, Operation: 'static> {
    /// What was to be done.
    pub operation: Operation,
    /// The state it met.
    pub state: State,
    /// What would change something in this state.
    pub legal: Vec<Operation>,
}

impl<State: fmt::Display, Operation: fmt::Display> fmt::Display for Refused<State, Operation> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} what is {}", self.operation, self.state)?;
        match self.legal.as_slice() {
            [] => write!(f, "; nothing can be done to it any more"),
            legal => {
                let words: Vec<String> = legal.iter().map(ToString::to_string).collect();
                write!(f, "; legal would be: {}", words.join(", "))
            }
        }
    }
}

impl TaskOperation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cancel, Self::Resolve, Self::Retry];

    /// The word for it in commands and in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Resolve => "resolve",
            Self::Retry => "retry",
        }
    }

    fn way(self, state: TaskState) -> Option<Way<TaskState>> {
        use TaskState::{Cancelled, Complete, Error, InProgress, Pending, ResolvedManually};
        Some(match (self, state) {
            (Self::Cancel, Pending | InProgress | Complete | ResolvedManually) => Way::Through(&[Cancelled]),
            (Self::Cancel, Error) => Way::Through(&[Pending, Cancelled]),
            (Self::Resolve, Error) => Way::Through(&[ResolvedManually]),
            (Self::Retry, Error) => Way::Through(&[Pending]),
            (Self::Cancel, Cancelled) | (Self::Resolve, ResolvedManually) | (Self::Retry, Pending | InProgress) => {
                Way::AlreadySo
            }
            _ => return None,
        })
    }

    /// What it does to a task in this state.
    ///
    /// # Errors
    /// When it is not legal there, with what is.
    pub fn on(self, state: TaskState) -> Result<Way<TaskState>, Refused<TaskState, Self>> {
        self.way(state).ok_or_else(|| {
            let changes = |operation: &Self| matches!(operation.way(state), Some(Way::Through(_)));
            Refused { operation: self, state, legal: Self::ALL.into_iter().filter(changes).collect() }
        })
    }
}

impl StepOperation {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Cancel, Self::Resolve, Self::Complete, Self::Bypass, Self::Retry];

    /// The word for it in commands and in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Resolve => "resolve",
            Self::Complete => "complete",
            Self::Bypass => "bypass",
            Self::Retry => "retry",
        }
    }

    fn way(self, state: StepState) -> Option<Way<StepState>> {
        use StepState::{Cancelled, Complete, Error, InProgress, Pending, ResolvedManually};
        Some(match (self, state) {
            (Self::Cancel, Pending | InProgress) => Way::Through(&[Cancelled]),
            (Self::Cancel, Error) => Way::Through(&[Pending, Cancelled]),
            (Self::Resolve, Pending | Error) => Way::Through(&[ResolvedManually]),
            (Self::Complete, InProgress) => Way::Through(&[Complete]),
            (Self::Complete | Self::Bypass, Pending) => Way::Through(&[InProgress, Complete]),
            (Self::Complete, Error) => Way::Through(&[Pending, InProgress, Complete]),
            (Self::Retry, Error) => Way::Through(&[Pending]),
            (Self::Cancel, Cancelled)
            | (Self::Resolve, ResolvedManually)
            | (Self::Complete | Self::Bypass, Complete)
            | (Self::Retry, Pending | InProgress) => Way::AlreadySo,
            _ => return None,
        })
    }

    /// What it does to a step in this state.
    ///
    /// # Errors
    /// When it is not legal there, with what is.
    pub fn on(self, state: StepState) -> Result<Way<StepState>, Refused<StepState, Self>> {
        self.way(state).ok_or_else(|| {
            let changes = |operation: &Self| matches!(operation.way(state), Some(Way::Through(_)));
            Refused { operation: self, state, legal: Self::ALL.into_iter().filter(changes).collect() }
        })
    }

    /// Whether what comes after the step may go on by it, so that a task that ended in error is sent on with it.
    pub fn sends_task_on(self) -> bool {
        self != Self::Cancel
    }
}

impl fmt::Display for TaskOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for StepOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
