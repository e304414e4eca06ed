//! The rules of Tasker. No I/O, no clock, no randomness of its own, no async.

pub mod graph;
pub mod json;
pub mod retry;
pub mod state;
pub mod template;
pub mod verdict;
