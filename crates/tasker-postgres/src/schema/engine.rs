//! Applying the migrations of schema `tasker_engine`: forward only, each once.

use super::{catalogue::begin, error::SchemaError};
use crate::engine_schema::MIGRATIONS;
use sqlx::{PgConnection, Postgres, Transaction};

/// What happened to schema `tasker_engine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineMigration {
    /// The version that was found; `None` when the schema was not there.
    pub from: Option<i32>,
    /// The version that stands now. One more than this program knows when a newer release was here.
    pub to: i32,
}

/// The newest version that this program knows.
pub(crate) fn known_version() -> i32 {
    MIGRATIONS.last().map_or(0, |(version, _, _)| *version)
}

/// The version that stands in the database; `None` without schema `tasker_engine`.
pub(super) async fn applied_version(transaction: &mut Transaction<'_, Postgres>) -> Result<Option<i32>, sqlx::Error> {
    let exists = sqlx::query_scalar::<_, bool>("SELECT to_regclass('tasker_engine.migrations') IS NOT NULL")
        .persistent(false)
        .fetch_one(&mut **transaction)
        .await?;
    if !exists {
        return Ok(None);
    }
    sqlx::query_scalar::<_, Option<i32>>("SELECT max(version) FROM tasker_engine.migrations")
        .persistent(false)
        .fetch_one(&mut **transaction)
        .await
}

/// Refuses a database without schema `tasker_engine`, and one whose version this program cannot work with.
pub(crate) async fn check_engine(connection: &mut PgConnection) -> Result<(), SchemaError> {
    let mut transaction = begin(connection).await?;
    let applied = applied_version(&mut transaction).await?;
    let record_stands = sqlx::query_scalar::<_, bool>("SELECT to_regclass('public.tasker_tasks') IS NOT NULL")
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.rollback().await?;
    match applied {
        Some(version) if version < known_version() => {
            Err(SchemaError::EngineTooOld { found: version, known: known_version() })
        }
        Some(version) => check_version(version),
        None if record_stands => Err(SchemaError::NotAdopted),
        None => Err(SchemaError::NothingToAdopt),
    }
}

/// Refuses a version that this program cannot work with: a release keeps what its predecessor uses, and no more.
pub(super) fn check_version(applied: i32) -> Result<(), SchemaError> {
    let known = known_version();
    if applied > known.saturating_add(1) {
        return Err(SchemaError::EngineTooNew { found: applied, known });
    }
    Ok(())
}

/// Applies what is missing. The caller holds the lock that keeps others away.
pub(super) async fn migrate(transaction: &mut Transaction<'_, Postgres>) -> Result<EngineMigration, SchemaError> {
    let from = applied_version(transaction).await?;
    if let Some(applied) = from {
        check_version(applied)?;
        check_history(transaction).await?;
    }
    let start = from.unwrap_or(0);
    for (version, name, sql) in MIGRATIONS.iter().filter(|(version, _, _)| *version > start) {
        sqlx::raw_sql(*sql).execute(&mut **transaction).await?;
        sqlx::query("INSERT INTO tasker_engine.migrations (version, name) VALUES ($1, $2)")
            .bind(version)
            .bind(name)
            .persistent(false)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(EngineMigration { from, to: start.max(known_version()) })
}

/// What was applied must be what this program calls by that number.
async fn check_history(transaction: &mut Transaction<'_, Postgres>) -> Result<(), SchemaError> {
    let applied =
        sqlx::query_as::<_, (i32, String)>("SELECT version, name FROM tasker_engine.migrations ORDER BY version")
            .persistent(false)
            .fetch_all(&mut **transaction)
            .await?;
    for (version, found) in applied {
        let known = MIGRATIONS.iter().find(|(number, _, _)| *number == version).map(|(_, name, _)| *name);
        match known {
            Some(name) if name != found => {
                return Err(SchemaError::EngineHistory { version, found, known: name.to_owned() });
            }
            // The same, or of the next release.
            Some(_) | None => {}
        }
    }
    Ok(())
}
