//! How tasks are carried to their end: what the original promises of its orchestration, whether the record tells every
//! moment of a task, and whether the exchange decides as the pure rules do.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../engine/support.rs"]
#[allow(dead_code, reason = "the tests of the engine use more of it")]
mod support;

mod annotations;
mod decisions;
mod events;
mod history;
mod journey;
mod outcomes;
mod passes;
mod told_in_pieces;
mod world;
