//! Faults: processes that are killed, connections that break, answers that are lost, people who interfere. In each case no
//! step is lost, none is carried out twice under one claim, and every task comes to its end.
//!
//! They take a few minutes in all. `TASKER_FAULTS_MINUTES` makes those that go on at random, or as long as a transaction
//! stays open, take so long each; `TASKER_FAULTS_CROWD` says how many steps wait for nobody (1000000, say) and
//! `TASKER_SIMULATED_TASKS` how many tasks are compared with their simulation. `TASKER_RANDOM_SEED` repeats what they draw,
//! up to the interleaving.
#![allow(clippy::unwrap_used, missing_docs)]
#![cfg(unix)]

mod answers;
mod clocks;
mod crowds;
mod deleted;
mod handlers;
mod lost;
mod people;
mod pooler;
mod processes;
mod server;
mod simulated;
mod support;
mod tampering;
