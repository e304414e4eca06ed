//! Runs under the virtual clock, and the spans of time that they are told in.
#![allow(clippy::unwrap_used, missing_docs)]

mod durations;
mod properties;
mod runs;
mod size;
mod spans;
mod support;
