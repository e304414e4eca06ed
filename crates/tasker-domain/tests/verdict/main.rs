//! What becomes of steps and tasks, in our semantics and in the original's.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod delays;
mod finalizer;
mod steps;
mod tasks;
mod written;
