//! The machine of tasks: 11 edges.

use super::TaskState::{self, Cancelled, Complete, Error, InProgress, Pending, ResolvedManually};
use super::{Granted, Guard, IllegalMove, Machine, Refusal, StepState, moves};

/// A legal move of a task.
pub type Edge = super::Edge<TaskState>;

/// The machine.
pub static MACHINE: Machine<TaskState> = Machine {
    initial: Pending,
    creation_event: "task.initialize_requested",
    before_event: Some("task.before_transition"),
    edges: &[
        Edge { from: Pending, to: InProgress, event: "task.start_requested", guard: None },
        Edge { from: Pending, to: Error, event: "task.failed", guard: None },
        Edge { from: Pending, to: Cancelled, event: "task.cancelled", guard: None },
        Edge { from: InProgress, to: Pending, event: "task.initialize_requested", guard: None },
        Edge { from: InProgress, to: Complete, event: "task.completed", guard: Some(Guard::AllStepsComplete) },
        Edge { from: InProgress, to: Error, event: "task.failed", guard: None },
        Edge { from: InProgress, to: Cancelled, event: "task.cancelled", guard: None },
        Edge { from: Complete, to: Cancelled, event: "task.cancelled", guard: None },
        Edge { from: Error, to: Pending, event: "task.retry_requested", guard: None },
        Edge { from: Error, to: ResolvedManually, event: "task.resolved_manually", guard: None },
        Edge { from: ResolvedManually, to: Cancelled, event: "task.cancelled", guard: None },
    ],
};

/// The edge of a move. Its guard is not looked at: see [`request`].
///
/// # Errors
/// When the table does not have it; the error lists the legal moves.
pub fn transition(from: TaskState, to: TaskState) -> Result<&'static Edge, IllegalMove<TaskState>> {
    moves::transition(from, to)
}

/// Judges a request to move. `steps` are the states of all steps of the task; they are looked at for moves with a guard
/// only.
///
/// # Errors
/// When the table does not have the move or its guard does not hold.
pub fn request(
    from: TaskState,
    to: TaskState,
    steps: impl IntoIterator<Item = StepState>,
) -> Result<Granted<TaskState>, Refusal<TaskState>> {
    moves::request(from, to, steps)
}
