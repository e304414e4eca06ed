//! Carrying tasks to their end: the worker's loop and what it is made of.

mod attempt;
mod definitions;
mod heartbeat;
mod progress;
mod simulated;
mod take_over;
mod worker;

pub use attempt::over_its_limit;
pub(crate) use definitions::Definition;
pub(crate) use heartbeat::Heartbeat;
pub use heartbeat::Pulse;
pub use progress::{Observer, Progress, Unobserved};
pub use simulated::{simulated_end, simulated_failure};
pub(crate) use take_over::{NAMELESS, take_over_from};
pub(crate) use worker::{Drive, DriveEnd, Worker};
