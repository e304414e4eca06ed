//! The list of all scopes and of all statements: what they read, and by which indexes.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod beyond;
mod every;
mod listed;
mod plans;
mod random_rows;
mod statements;
