//! The machine of steps: 9 edges.

use super::StepState::{self, Cancelled, Complete, Error, InProgress, Pending, ResolvedManually};
use super::{Granted, Guard, IllegalMove, Machine, Refusal, moves};

/// A legal move of a step.
pub type Edge = super::Edge<StepState>;

/// The machine.
pub static MACHINE: Machine<StepState> = Machine {
    initial: Pending,
    creation_event: "step.initialize_requested",
    before_event: None,
    edges: &[
        Edge {
            from: Pending,
            to: InProgress,
            event: "step.execution_requested",
            guard: Some(Guard::AllParentsCompleteOrResolved),
        },
        Edge { from: Pending, to: Error, event: "step.failed", guard: None },
        Edge { from: Pending, to: Cancelled, event: "step.cancelled", guard: None },
        Edge { from: Pending, to: ResolvedManually, event: "step.resolved_manually", guard: None },
        Edge { from: InProgress, to: Complete, event: "step.completed", guard: None },
        Edge { from: InProgress, to: Error, event: "step.failed", guard: None },
        Edge { from: InProgress, to: Cancelled, event: "step.cancelled", guard: None },
        Edge { from: Error, to: Pending, event: "step.retry_requested", guard: None },
        Edge { from: Error, to: ResolvedManually, event: "step.resolved_manually", guard: None },
    ],
};

/// The edge of a move. Its guard is not looked at: see [`request`].
///
/// # Errors
/// When the table does not have it; the error lists the legal moves.
pub fn transition(from: StepState, to: StepState) -> Result<&'static Edge, IllegalMove<StepState>> {
    moves::transition(from, to)
}

/// Judges a request to move. `parents` are the states of all parents of the step; they are looked at for moves with a
/// guard only.
///
/// # Errors
/// When the table does not have the move or its guard does not hold.
pub fn request(
    from: StepState,
    to: StepState,
    parents: impl IntoIterator<Item = StepState>,
) -> Result<Granted<StepState>, Refusal<StepState>> {
    moves::request(from, to, parents)
}
