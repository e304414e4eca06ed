//! The record of Tasker in PostgreSQL: everything that is SQL stands in this crate.

pub mod engine_schema;
pub mod ledger;
pub mod schema;
