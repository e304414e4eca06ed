//! API steps: the requests they make, what answers mean, and that no server can hold or flood the worker.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod answers;
#[path = "../manual_clock/mod.rs"]
mod manual_clock;
mod network;
mod requests;
mod rude_server;
mod steps;
