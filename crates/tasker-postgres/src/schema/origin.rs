//! Whose readiness functions a database has: the original's two migrations differ in nothing else.

use std::fmt;

use serde::Serialize;
use sqlx::{PgConnection, Postgres, Row, Transaction};

use super::{catalogue::begin, error::SchemaError, files::function_body};

/// The functions in which the original's two migrations differ.
const READINESS: [&str; 2] = ["get_step_readiness_status", "get_step_readiness_status_batch"];

/// Whose functions tell which steps are ready. None of them decides what the engine here does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadinessFunctions {
    /// Those of this release, which answer like the original's second migration.
    Ours,
    /// Those of the original's first migration.
    FirstMigration,
    /// Those of the original's second migration.
    SecondMigration,
    /// They answer like neither, or not alike.
    Unknown,
    /// They are not ours, and could not be tried: the role may not make temporary tables or call them, or the server
    /// takes no writes.
    NotTried,
}

impl fmt::Display for ReadinessFunctions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ours => "of this release",
            Self::FirstMigration => "as the original's first migration makes them",
            Self::SecondMigration => "as the original's second migration makes them",
            Self::Unknown => "made by neither of the original's migrations",
            Self::NotTried => "another program's; this role cannot find out by which migration",
        })
    }
}

/// Says whose readiness functions the database has. Bodies of ours are recognised; others are called on two made-up steps
/// in temporary tables, which nobody else sees and which are gone afterwards.
///
/// # Errors
/// When the catalogues cannot be read. That the functions fail is an answer, not an error.
pub async fn readiness_functions(connection: &mut PgConnection) -> Result<ReadinessFunctions, SchemaError> {
    let mut transaction = begin(connection).await?;
    let found = recognise(&mut transaction).await;
    transaction.rollback().await?;
    found
}

async fn recognise(transaction: &mut Transaction<'_, Postgres>) -> Result<ReadinessFunctions, SchemaError> {
    let bodies: Vec<Vec<String>> = sqlx::query_scalar(include_str!("../../sql/catalogue/function_bodies.sql"))
        .bind(READINESS.map(str::to_owned).to_vec())
        .persistent(false)
        .fetch_all(&mut **transaction)
        .await?;
    if bodies.len() == READINESS.len() && bodies.iter().all(|row| function_body(&row[0]) == Some(row[1].as_str())) {
        return Ok(ReadinessFunctions::Ours);
    }
    match probe(transaction).await {
        Ok(found) => Ok(found),
        Err(error) => match error.as_database_error().and_then(|error| error.code()).as_deref() {
            // insufficient_privilege, read_only_sql_transaction, feature_not_supported (while recovering)
            Some("42501" | "25006" | "0A000") => Ok(ReadinessFunctions::NotTried),
            // Connections that break have no code; whatever else a function raises is its own doing.
            Some(code) if !code.starts_with("57") => Ok(ReadinessFunctions::Unknown),
            _ => Err(error.into()),
        },
    }
}

async fn probe(transaction: &mut Transaction<'_, Postgres>) -> Result<ReadinessFunctions, sqlx::Error> {
    sqlx::raw_sql(include_str!("../../sql/catalogue/readiness_probe.sql")).execute(&mut **transaction).await?;
    // Another path than before: plans that the session keeps for these functions are made anew.
    sqlx::raw_sql("SET LOCAL search_path = pg_temp, public").execute(&mut **transaction).await?;
    let row = sqlx::query(include_str!("../../sql/catalogue/readiness_answers.sql"))
        .persistent(false)
        .fetch_one(&mut **transaction)
        .await?;
    let single: Vec<Option<String>> = row.try_get("single")?;
    let batch: Vec<Option<String>> = row.try_get("batch")?;
    let words: Vec<Option<&str>> = single.iter().map(Option::as_deref).collect();
    Ok(match words[..] {
        _ if single != batch => ReadinessFunctions::Unknown,
        [None, Some("false"), Some("2")] => ReadinessFunctions::FirstMigration,
        [Some("0"), Some("true"), Some("2")] => ReadinessFunctions::SecondMigration,
        _ => ReadinessFunctions::Unknown,
    })
}
