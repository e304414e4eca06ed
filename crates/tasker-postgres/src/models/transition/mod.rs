//! The history of tasks and of steps, one row per change of state.

mod moving;
mod shared;
mod step;
mod task;

pub use moving::{Moved, MovedIf};
pub use shared::TransitionStatistics;
pub use step::{Backoff, NewWorkflowStepTransition, StepTransitionStatistics, WorkflowStepTransition};
pub use task::{NewTaskTransition, TaskTransition};
