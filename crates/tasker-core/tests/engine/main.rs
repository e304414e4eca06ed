//! The engine on a real database, under a clock that is moved.
#![allow(clippy::unwrap_used, missing_docs)]

mod ends;
mod invalid_results;
mod leaving;
mod random;
mod reindex;
mod resume;
mod retries;
mod rows;
mod support;
