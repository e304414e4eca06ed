//! The record of Tasker in PostgreSQL.

pub mod engine_schema;
pub mod schema;

/// A pool of connections to a database; what every part of this crate works on.
pub use sqlx::PgPool;
