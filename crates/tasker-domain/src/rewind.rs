//! Rewinding: a new task that takes over what of an ended one came out well, and does the rest anew from a step on.

use crate::graph::Graph;
use crate::state::{StepState, TaskState};

/// How a step of the new task begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// It is to be carried out, as if it had never been.
    Anew,
    /// It is complete, with the results of the step that it comes from.
    Complete,
    /// It is settled by hand, as the step that it comes from.
    Resolved,
}

impl Part {
    /// Whether it has ended before the new task begins.
    pub fn is_taken_over(self) -> bool {
        self != Part::Anew
    }

    /// The word for it in the statement that makes the new task.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Anew => "anew",
            Part::Complete => "complete",
            Part::Resolved => "resolved_manually",
        }
    }
}

/// A task that cannot be rewound in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot rewind what is {state}; legal would be: cancel, and then rewind")]
pub struct NotAtRest {
    /// The state it is in.
    pub state: TaskState,
}

/// Judges whether a task may be rewound: only when it does nothing more by itself, so that no step runs in two tasks at
/// once and what is taken over does not change any more.
///
/// # Errors
/// When it is pending or in progress.
pub fn check(state: TaskState) -> Result<(), NotAtRest> {
    if state.is_at_rest() { Ok(()) } else { Err(NotAtRest { state }) }
}

/// How each step of the new task begins, by the states that the steps of the old one ended in.
///
/// Anew are the step `from` and everything that comes after it, everything that has not ended well, and everything
/// complete that came of such. What was settled by hand while its parents were still open stays settled.
///
/// # Panics
/// If the graph has no such step, or `states` is not of its size.
pub fn parts(graph: &Graph, from: usize, states: &[StepState]) -> Vec<Part> {
    assert_eq!(graph.len(), states.len(), "one state for each step");
    let mut after = vec![false; graph.len()];
    after[from] = true;
    let mut parts = vec![Part::Anew; graph.len()];
    for &step in graph.topological_order() {
        let parents = graph.parents(step);
        after[step] |= parents.iter().any(|&parent| after[parent]);
        parts[step] = match states[step] {
            _ if after[step] => Part::Anew,
            StepState::ResolvedManually => Part::Resolved,
            StepState::Complete if parents.iter().all(|&parent| parts[parent].is_taken_over()) => Part::Complete,
            _ => Part::Anew,
        };
    }
    parts
}
