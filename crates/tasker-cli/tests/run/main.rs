//! The built command `tasker`, from end to end: real processes, real signals, real databases.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

mod bench;
mod check;
mod commands;
mod context;
mod databases;
mod document;
mod outcomes;
mod output;
mod private_cluster;
mod resume;
mod size;
mod stopping;
