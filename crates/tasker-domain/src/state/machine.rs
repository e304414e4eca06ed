//! What both machines are made of.

use std::fmt;
use std::hash::Hash;

use serde::Serialize;

use super::StepState;

/// A state of one of the two machines.
pub trait State: Copy + Eq + Hash + fmt::Debug + fmt::Display + 'static {
    /// What is in the state: `task` or `step`.
    const WHAT: &'static str;

    /// The machine.
    fn machine() -> &'static Machine<Self>;

    /// All states, in the order in which they are listed everywhere.
    fn all() -> [Self; 6];

    /// The word that stands in the history.
    fn word(self) -> &'static str;
}

/// A state machine: everything that is known about it.
#[derive(Debug)]
pub struct Machine<S: 'static> {
    /// The state of something without history.
    pub initial: S,
    /// Event of the arrival in the initial state where no state before it is known. Rows of this engine always say where
    /// they come from; those of the original never do.
    pub creation_event: &'static str,
    /// Event that precedes each move, where one is published.
    pub before_event: Option<&'static str>,
    /// Every legal move. A state never follows itself.
    pub edges: &'static [Edge<S>],
}

/// A legal move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Edge<S> {
    /// State before.
    pub from: S,
    /// State after.
    pub to: S,
    /// Name of the event that the move publishes.
    pub event: &'static str,
    /// What must hold for the move.
    pub guard: Option<Guard>,
}

/// A condition on a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Every step of the task is complete or resolved by hand. Holds for a task without steps (B-SM-028); a cancelled step
    /// keeps it from holding.
    AllStepsComplete,
    /// Every parent of the step is complete or resolved by hand. It looks at neither attempts nor waits (B-SM-071).
    AllParentsCompleteOrResolved,
}

impl Guard {
    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllStepsComplete => "all_steps_complete",
            Self::AllParentsCompleteOrResolved => "all_parents_complete_or_resolved",
        }
    }

    /// How many of the steps that it looks at (those of the task, or the parents) stand in its way: none where it holds.
    ///
    /// The states must be known. One that cannot be read is the caller's error and never counts as done, where the
    /// original lets the step start (B-SM-077).
    pub fn unmet(self, looked_at: impl IntoIterator<Item = StepState>) -> usize {
        looked_at.into_iter().filter(|state| !state.satisfies()).count()
    }

    /// What it looks at, with the verb for a number of them.
    pub(super) fn subject(self, number: usize) -> &'static str {
        match (self, number) {
            (Self::AllStepsComplete, 1) => "steps is",
            (Self::AllStepsComplete, _) => "steps are",
            (Self::AllParentsCompleteOrResolved, 1) => "parents is",
            (Self::AllParentsCompleteOrResolved, _) => "parents are",
        }
    }

    /// Whether it holds; see [`Guard::unmet`].
    pub fn holds(self, looked_at: impl IntoIterator<Item = StepState>) -> bool {
        self.unmet(looked_at) == 0
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<S: State> Machine<S> {
    /// The edge between two states, if there is one.
    pub fn edge(&self, from: S, to: S) -> Option<&Edge<S>> {
        self.edges.iter().find(|edge| edge.from == from && edge.to == to)
    }

    /// The event of an arrival of which nobody knows where it comes from: what the original publishes for every row, as its
    /// rows never say it. All edges into a state other than the initial one share their event, which is this one.
    pub fn arrival_event(&self, to: S) -> &'static str {
        let edge = self.edges.iter().find(|edge| edge.to == to).filter(|_| to != self.initial);
        edge.map_or(self.creation_event, |edge| edge.event)
    }
}
