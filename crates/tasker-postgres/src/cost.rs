//! What work costs the server, by its own counters: for `tasker bench` and the tests that put bounds on the cost of a step.

use sqlx::PgPool;

use crate::ledger::DefinitionId;

/// What the whole server has written so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct ServerCounters {
    /// Bytes of the write-ahead log.
    pub wal_bytes: i64,
    /// Pages that went into it as a whole, each the first time after a checkpoint.
    pub wal_page_images: i64,
}

/// What ended sessions of one database have done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct DatabaseCounters {
    /// Transactions that committed, those that only read included.
    pub commits: i64,
    /// Rows inserted, updated and deleted.
    pub rows_written: i64,
    /// Of the updated ones: those that touched no index.
    pub hot_updates: i64,
    /// Other sessions that are connected; what they did may not be counted yet.
    pub others: i64,
}

/// Reads the counters of the server.
///
/// # Errors
/// What the database says.
pub async fn server_counters(pool: &PgPool) -> Result<ServerCounters, sqlx::Error> {
    sqlx::query_as(include_str!("../sql/cost/server.sql")).fetch_one(pool).await
}

/// Reads the counters of this database; rows are those of tables in these schemas. Let all other sessions of the database
/// end first, or what they did last is missing.
///
/// # Errors
/// What the database says.
pub async fn database_counters(pool: &PgPool, schemas: &[&str]) -> Result<DatabaseCounters, sqlx::Error> {
    sqlx::query_as(include_str!("../sql/cost/database.sql")).bind(schemas).fetch_one(pool).await
}

/// How the server works, as far as it decides what a commit costs.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ServerSettings {
    /// Its version, such as `15.18`.
    pub version: String,
    /// Whether it waits for the disk at all.
    pub fsync: String,
    /// Whether a commit waits for it.
    pub synchronous_commit: String,
    /// Whether pages go into the log as a whole after a checkpoint.
    pub full_page_writes: String,
    /// Its cache.
    pub shared_buffers: String,
}

/// Reads the settings of the server.
///
/// # Errors
/// What the database says.
pub async fn server_settings(pool: &PgPool) -> Result<ServerSettings, sqlx::Error> {
    sqlx::query_as(include_str!("../sql/cost/settings.sql")).fetch_one(pool).await
}

/// Brings statistics and maps of free space up to date, as after a while of work, so that what was loaded a moment ago is
/// not what is measured.
///
/// # Errors
/// What the database says.
pub async fn settle(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(include_str!("../sql/cost/settle.sql")).execute(pool).await.map(drop)
}

/// Has the server write to the disk what it holds in memory, so that it does not do so while something is measured. The role
/// must be a superuser or a member of `pg_checkpoint`.
///
/// # Errors
/// What the database says.
pub async fn write_back(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(include_str!("../sql/cost/write_back.sql")).execute(pool).await.map(drop)
}

/// Writes this many tasks of a definition as if they had been carried out in the past.
///
/// # Errors
/// What the database says.
pub async fn write_history(pool: &PgPool, definition: DefinitionId, tasks: i32) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("../sql/cost/history.sql")).bind(definition).bind(tasks).execute(pool).await.map(drop)
}
