//! The analysers of templates and tasks, and graphs as data.
#![allow(clippy::unwrap_used, missing_docs)]

mod model;
mod runtime;
mod schedule;
mod template;
