//! The engine on a real database, under a clock that is moved.
#![allow(clippy::unwrap_used, missing_docs)]

mod adopting;
mod deadlines;
mod dummy;
mod ends;
mod foreign;
mod interrupted;
mod invalid_results;
mod leaving;
mod operations;
mod past;
mod plans;
mod predicted;
mod random_runs;
mod reindex;
mod resume;
mod retries;
mod rewind;
mod rows;
mod select;
mod sharing;
mod simulated;
mod step_errors;
mod support;
mod why;
mod workers;
