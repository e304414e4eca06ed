//! Queues: both of ours by the common suite, what each has beside it, and tasks that are worked through them to their ends.
#![allow(clippy::unwrap_used, missing_docs)]

mod answers;
mod courses;
mod in_process;
mod postgres;
mod support;
mod sweeps;
mod unfaithful;
