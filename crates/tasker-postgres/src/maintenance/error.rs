//! Why a database could not be looked after, and what to do about it.

use super::leave::LiveClaim;
use crate::schema::{SchemaError, Shape};

/// Why nothing, or not everything, was done. Every text says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintenanceError {
    /// The schema is not as it must be, or the database failed.
    #[error(transparent)]
    Schema(#[from] SchemaError),

    /// Rails uses the database, and its statements may use any index.
    #[error(
        "the database holds Rails' bookkeeping tables (schema_migrations, ar_internal_metadata), so Rails uses it or may \
         use it, and needs every index: shape {shape} is for databases without them; here `tasker db full` is the one to run"
    )]
    RailsNeedsEveryIndex {
        /// The shape that was asked for.
        shape: Shape,
    },

    /// Another program is changing the shape.
    #[error("another program is changing the indexes of this database: wait until it has ended and run this again")]
    BeingReshaped,

    /// A lock was not to be had within the time given.
    #[error(
        "index {index} could not be {action} because a transaction of another program did not end in time: run the same \
         command again, with a longer --lock-timeout where transactions are long; what was done before stays"
    )]
    Locked {
        /// Name of the index.
        index: String,
        /// `made` or `dropped`.
        action: &'static str,
    },

    /// There is no such role.
    #[error("there is no role {role:?} on this server: create it first (CREATE ROLE … LOGIN)")]
    UnknownRole {
        /// The name that was given.
        role: String,
    },

    /// What was given is no version of a Rails migration.
    #[error("{version:?} is not the version of a Rails migration: only digits are expected, such as 20250701165431")]
    NotAVersion {
        /// What was given.
        version: String,
    },

    /// Rails migrates the database right now.
    #[error("Rails is running its migrations on this database: wait until it has ended and run this again")]
    RailsMigrates,

    /// Workers that live hold claims.
    #[error("workers are at work, so nothing was dropped; stop them first\n{}", list(.claims))]
    AtWork {
        /// Who holds what.
        claims: Vec<LiveClaim>,
    },

    /// Somebody uses our tables all the time.
    #[error("schema tasker_engine is in use, so nothing was dropped: stop what works on it and run this again")]
    InUse,

    /// Views of others are built on our tables.
    #[error("views of others are built on schema tasker_engine, so nothing was dropped: drop them first: {}", .views.join(", "))]
    Dependents {
        /// Their names, with their schema.
        views: Vec<String>,
    },
}

fn list(claims: &[LiveClaim]) -> String {
    claims.iter().map(|claim| format!("  {claim}")).collect::<Vec<_>>().join("\n")
}

impl From<sqlx::Error> for MaintenanceError {
    fn from(error: sqlx::Error) -> Self {
        Self::Schema(error.into())
    }
}
