//! The history of tasks and of steps, one row per change of state.

mod shared;
mod step;
mod task;

pub use shared::TransitionStatistics;
pub use step::{Backoff, NewWorkflowStepTransition, StepTransitionStatistics, WorkflowStepTransition};
pub use task::{NewTaskTransition, TaskTransition};
