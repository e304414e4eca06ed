//! What can go wrong with a schema, and what to do about it.

use super::comparison::Comparison;
use crate::wording::{quoted, said};

/// Oldest server that the functions work on: before it, `EXTRACT` yields a floating-point number that cannot be rounded
/// to decimal places.
pub(super) const OLDEST_SERVER: i32 = 140_000;

/// What a role can do that lacks a right and makes nothing.
const FOR_OTHERS: &str = "connect as the owner of Tasker's tables; for a role that only works or looks, have the owner run \
                          `tasker db grant ROLE` (with --read-only for looking)";

/// Why a schema could not be read, made or used. Every text says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Some of the objects are there and some are missing or different: nothing was written.
    #[error(
        "the database holds only a part of Tasker's schema, or a different one; restore what is listed or use an empty \
         database\n{0}"
    )]
    Partial(Box<Comparison>),

    /// The tables are in another schema than `public`.
    #[error(
        "Tasker's tables are in schema {schema:?} of this database; only {public:?} is supported: move them with \
         ALTER … SET SCHEMA public, or use another database",
        public = "public"
    )]
    WrongSchema {
        /// Where the tables were found.
        schema: String,
    },

    /// The database belongs to an application, and nobody asked for Tasker's tables in it.
    #[error(
        "the database has tables of another application (such as {tables}) and none of Tasker's: run `tasker db create` \
         to make them there, or name another database",
        tables = .tables.first().map_or("unnamed", String::as_str)
    )]
    OtherApplication {
        /// Tables that were found, with their schema.
        tables: Vec<String>,
    },

    /// The database has the original's tables but none of ours, and nobody asked for them.
    #[error(
        "the database has Tasker's tables and not schema `tasker_engine`, so they were made by another program or left by \
         this one: run `tasker db adopt` to add it beside them, or name another database"
    )]
    NotAdopted,

    /// There is nothing to adopt.
    #[error("the database has none of Tasker's tables: run `tasker db create` to make them")]
    NothingToAdopt,

    /// The database was used by a newer release.
    #[error(
        "schema `tasker_engine` is at version {found}, this program knows {known} and works with at most one more: \
         upgrade this program"
    )]
    EngineTooNew {
        /// Version found in the database.
        found: i32,
        /// Newest version that this program knows.
        known: i32,
    },

    /// The database was last used by an older release.
    #[error(
        "schema `tasker_engine` is at version {found}, this program needs {known}: run `tasker db adopt` to bring it up \
         to date"
    )]
    EngineTooOld {
        /// Version found in the database.
        found: i32,
        /// Version that this program needs.
        known: i32,
    },

    /// A migration of that number but another name was applied.
    #[error(
        "migration {version} of schema `tasker_engine` is {found:?} in the database and {known:?} in this program: it \
         was made by a program that is not a release of Tasker; use another database"
    )]
    EngineHistory {
        /// Number of the migration.
        version: i32,
        /// Its name in the database.
        found: String,
        /// Its name in this program.
        known: String,
    },

    /// The server is older than the functions need.
    #[error("the server is PostgreSQL {version}; at least 14 is needed: upgrade the server or name another")]
    ServerTooOld {
        /// What the server calls its version.
        version: String,
    },

    /// The database cannot hold every text.
    #[error(
        "the database has encoding {encoding}; UTF8 is needed: create one with \
         CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    )]
    NotUtf8 {
        /// Encoding of the database.
        encoding: String,
    },

    /// The database refuses every write.
    #[error(
        "the database is read-only ({message}): name the primary server, or switch off default_transaction_read_only \
         for this role or database"
    )]
    ReadOnly {
        /// What the server said.
        message: String,
    },

    /// The role may not do what is needed.
    #[error("the role may not do this ({message}): {remedy}")]
    NotPermitted {
        /// What the server said.
        message: String,
        /// What to do about it.
        remedy: String,
    },

    /// The server failed, or could not be reached.
    #[error("the database could not be asked or changed; look at its log, then run the same command again: {}", said(.0))]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for SchemaError {
    fn from(error: sqlx::Error) -> Self {
        let Some(reported) = error.as_database_error() else {
            return Self::Database(error);
        };
        let message = reported.message().to_owned();
        match reported.code().as_deref() {
            Some("25006") => Self::ReadOnly { message },
            Some("42501") => Self::NotPermitted { message, remedy: FOR_OTHERS.to_owned() },
            _ => Self::Database(error),
        }
    }
}

impl SchemaError {
    /// The same, with what lets this role make the schema where a right for that was missing.
    pub(super) fn of_making(self, role: &str, database: &str) -> Self {
        match self {
            Self::NotPermitted { message, .. } => {
                let (role, database) = (quoted(role), quoted(database));
                let remedy = format!(
                    "connect as the owner of the database, or have that one run GRANT CREATE ON DATABASE {database} TO \
                     {role}; GRANT CREATE ON SCHEMA public TO {role} (the latter only where Tasker's tables are missing)"
                );
                Self::NotPermitted { message, remedy }
            }
            other => other,
        }
    }
}
