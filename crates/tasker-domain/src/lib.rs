//! The rules of Tasker. No I/O, no clock, no randomness of its own, no async.

pub mod json;
pub mod retry_after;
pub mod template;
