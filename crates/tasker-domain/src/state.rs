//! States of tasks and steps. No row of history means pending.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! states {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            /// Nothing runs yet, or nothing can run before an instant to come.
            Pending,
            /// Work goes on.
            InProgress,
            /// Ended well.
            Complete,
            /// Failed.
            Error,
            /// Called off.
            Cancelled,
            /// Settled by a person.
            ResolvedManually,
        }

        impl $name {
            /// The word that stands in the history.
            pub fn as_str(self) -> &'static str {
                match self {
                    Self::Pending => "pending",
                    Self::InProgress => "in_progress",
                    Self::Complete => "complete",
                    Self::Error => "error",
                    Self::Cancelled => "cancelled",
                    Self::ResolvedManually => "resolved_manually",
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownState;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                [Self::Pending, Self::InProgress, Self::Complete, Self::Error, Self::Cancelled, Self::ResolvedManually]
                    .into_iter()
                    .find(|state| state.as_str() == text)
                    .ok_or_else(|| UnknownState { what: $what, text: text.to_owned() })
            }
        }
    };
}

states!(
    /// State of a task.
    TaskState,
    "task"
);
states!(
    /// State of a step.
    StepState,
    "step"
);

/// A word in the history that is no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a state of a {what}; another program wrote it")]
pub struct UnknownState {
    what: &'static str,
    text: String,
}

impl TaskState {
    /// Whether a task in this state does nothing more by itself.
    pub fn is_at_rest(self) -> bool {
        !matches!(self, TaskState::Pending | TaskState::InProgress)
    }
}
