//! States of tasks and steps, and the moves between them (R-22). No row of history means pending.
//!
//! Each machine is one table of edges: [`task::MACHINE`] and [`step::MACHINE`]. Which moves are legal, what guards them,
//! which event they publish, the page `docs/state-machines.md` and the tests are all read from it.
//!
//! ```
//! use tasker_domain::state::{StepState, step};
//! let edge = step::transition(StepState::Error, StepState::Pending).unwrap();
//! assert_eq!(edge.event, "step.retry_requested");
//! let refusal = step::transition(StepState::Complete, StepState::Pending).unwrap_err();
//! assert_eq!(refusal.to_string(), "a step cannot go from complete to pending; complete is final");
//! ```

mod diagram;
mod machine;
mod moves;
pub mod step;
pub mod task;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use diagram::mermaid;
pub use machine::{Edge, Guard, Machine, State};
pub use moves::{Granted, IllegalMove, Refusal};

macro_rules! states {
    ($(#[$doc:meta])* $name:ident, $what:literal, $machine:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
            /// All of them, in the order in which they are listed everywhere.
            pub const ALL: [Self; 6] =
                [Self::Pending, Self::InProgress, Self::Complete, Self::Error, Self::Cancelled, Self::ResolvedManually];

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

            /// Reads the word of the newest row of history; no row, or an empty word in one, means pending.
            ///
            /// # Errors
            /// When the word is no state.
            pub fn of_newest_row(word: Option<&str>) -> Result<Self, UnknownState> {
                word.filter(|word| !word.trim().is_empty()).map_or(Ok(Self::Pending), str::parse)
            }

            /// Every edge of the machine.
            pub fn edges() -> &'static [Edge<Self>] {
                $machine.edges
            }

            /// The edges that leave this state.
            pub fn ways_out(self) -> impl Iterator<Item = &'static Edge<Self>> {
                Self::edges().iter().filter(move |edge| edge.from == self)
            }

            /// The states that can follow this one.
            pub fn targets(self) -> impl Iterator<Item = Self> {
                self.ways_out().map(|edge| edge.to)
            }

            /// Whether no state can follow this one.
            pub fn is_terminal(self) -> bool {
                self.ways_out().next().is_none()
            }
        }

        impl State for $name {
            const WHAT: &'static str = $what;

            fn machine() -> &'static Machine<Self> {
                &$machine
            }

            fn all() -> [Self; 6] {
                Self::ALL
            }

            fn word(self) -> &'static str {
                self.as_str()
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
                Self::ALL
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
    "task",
    task::MACHINE
);
states!(
    /// State of a step.
    StepState,
    "step",
    step::MACHINE
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

impl StepState {
    /// Whether a step in this state counts as done: its children may start, and its task may end well.
    pub fn satisfies(self) -> bool {
        matches!(self, StepState::Complete | StepState::ResolvedManually)
    }
}
