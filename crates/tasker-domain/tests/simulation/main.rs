//! Runs under the virtual clock.
#![allow(clippy::unwrap_used, missing_docs)]

mod durations;
mod properties;
mod runs;
mod size;
mod support;
