//! The record of Tasker in PostgreSQL: everything that is SQL stands in this crate.

pub mod engine_schema;
pub mod ledger;
pub mod schema;

/// A pool of connections to a database; what every part of this crate works on.
pub use sqlx::PgPool;
