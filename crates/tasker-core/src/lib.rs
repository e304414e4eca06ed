//! The engine of Tasker: users supply step handlers, this crate carries tasks to their end.

pub mod clock;
pub mod step_handler;
