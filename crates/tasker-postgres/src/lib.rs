//! The record of Tasker in PostgreSQL: everything that is SQL stands in this crate.

pub mod analytics;
pub mod cluster;
mod code;
pub mod connection;
pub mod cost;
pub mod engine_schema;
#[cfg(feature = "factories")]
#[doc(hidden)]
pub mod factories;
#[doc(hidden)]
pub mod floor;
pub mod functions;
pub mod jobs;
pub mod ledger;
pub mod maintenance;
pub mod models;
mod outage;
mod pooler;
mod rebuild;
pub mod schema;
mod wording;

pub use sqlx::PgPool;
