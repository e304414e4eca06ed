//! The record of Tasker in PostgreSQL: everything that is SQL stands in this crate.

pub mod cluster;
pub mod connection;
pub mod engine_schema;
pub mod ledger;
pub mod models;
pub mod schema;

pub use sqlx::PgPool;
