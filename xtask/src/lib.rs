//! The project's own tasks, started as `cargo xtask NAME`: the tests with everything they need, the check of the
//! dependencies' licences, the ledger of behaviours.
//!
//! It needs none of our own crates, so that it is built in seconds and can say early what is missing.

pub mod arguments;
pub mod behaviours;
pub mod interrupt;
pub mod licences;
pub mod output;
pub mod packages;
pub mod postgres;
pub mod selection;
pub mod server;
pub mod steps;
pub mod test;
pub mod tools;
pub mod wasm;
