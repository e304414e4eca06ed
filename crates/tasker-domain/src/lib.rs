//! The rules of Tasker. No I/O, no clock, no randomness of its own, no async.

pub mod analysis;
pub mod code;
pub mod concurrency;
pub mod context;
pub mod correlation;
pub mod decimal;
pub mod diagram;
pub mod event;
pub mod graph;
pub mod identity;
pub mod json;
pub mod operation;
pub mod problem;
pub mod readiness;
pub mod request;
pub mod retry;
pub mod retry_after;
pub mod script;
pub mod simulation;
pub mod state;
pub mod statistics;
pub mod step_error;
pub mod template;
pub mod verdict;
pub mod why;
pub mod yaml;
