//! Programs as step handlers: what they are given, what their end means, and that none of them can harm the worker.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod contract;
mod force;
mod limits;
#[path = "../manual_clock/mod.rs"]
mod manual_clock;
mod scripts;
mod settings;
