//! The built command `tasker`, from end to end: real processes, real signals, real databases.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

mod bench;
mod check;
mod commands;
mod context;
mod databases;
mod deadline;
mod differing;
mod document;
mod explain;
mod graph;
mod operate;
mod outcomes;
mod output;
mod paused;
mod private_cluster;
mod pruned;
mod resume;
mod rewind;
mod show;
mod simulate;
mod size;
mod stopping;
mod worker;
