//! Carrying tasks to their end: the worker's loop and what it is made of.

mod attempt;
mod batching;
mod calls;
mod caretaker;
mod claims;
mod definitions;
mod heartbeat;
mod holding;
mod listener;
mod progress;
mod simulated;
mod step_deadlines;
mod take_over;
mod worker;

pub use attempt::over_its_limit;
pub(crate) use caretaker::{Care, Caretaker};
pub(crate) use definitions::{Definition, Definitions};
pub(crate) use heartbeat::Heartbeat;
pub use heartbeat::Pulse;
pub(crate) use holding::{Finished, Holding};
pub(crate) use listener::{Listener, STEPS_CHANNEL};
pub use progress::{Observer, Progress, Unobserved};
pub use simulated::{simulated_end, simulated_failure};
pub(crate) use step_deadlines::{StepDeadlines, expire_steps, has_deadlines};
pub(crate) use take_over::{NAMELESS, take_over_from};
pub(crate) use worker::{Asked, Drive, DriveEnd, Goal, Worker};
