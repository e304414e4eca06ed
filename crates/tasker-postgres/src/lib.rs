//! The record of Tasker in PostgreSQL.

pub mod engine_schema;
pub mod schema;
