//! Carrying tasks to their end: the worker's loop and what it is made of.

mod attempt;
mod definitions;
mod heartbeat;
mod progress;
mod take_over;
mod worker;

pub(crate) use definitions::Definition;
pub(crate) use heartbeat::Heartbeat;
pub use heartbeat::Pulse;
pub use progress::{Observer, Progress, Unobserved};
pub(crate) use take_over::{NAMELESS, take_over_from};
pub(crate) use worker::{Drive, DriveEnd, Worker};
