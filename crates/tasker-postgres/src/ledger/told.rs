//! What is read for those who are told of tasks: nothing that the engine itself works by.

use chrono::NaiveDateTime;
use serde_json::value::RawValue;
use sqlx::Row;

use super::task::raw;
use super::{Ledger, LedgerError};

/// How a task stands.
#[derive(Debug, Clone)]
pub struct ToldTask {
    /// Id of the task.
    pub task_id: i64,
    /// Name of its type.
    pub name: String,
    /// When it was created (UTC).
    pub created_at: NaiveDateTime,
    /// Its context, if it has one.
    pub context: Option<Box<RawValue>>,
    /// Its steps.
    pub total_steps: i64,
    /// Steps that have ended well, by themselves or by a person.
    pub completed_steps: i64,
    /// Steps in error.
    pub failed_steps: i64,
    /// When the last of those that ended well did (UTC).
    pub last_end: Option<NaiveDateTime>,
    /// Names of the steps in error, in the order in which they were made.
    pub failed: Vec<String>,
    /// What went wrong with the first of them.
    pub error: Option<String>,
}

impl Ledger {
    /// How these tasks stand at this moment, in this order: as many of the first as it takes for their contexts to have so
    /// many bytes together, at least one. A task that is missing before the last that comes back is none; so are all
    /// where nothing comes back.
    pub async fn told_tasks(&self, task_ids: &[i64], context_bytes: i64) -> Result<Vec<ToldTask>, LedgerError> {
        let rows = sqlx::query(include_str!("../../sql/ledger/told_tasks.sql"))
            .bind(task_ids)
            .bind(context_bytes)
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ToldTask {
                    task_id: row.try_get("task_id")?,
                    name: row.try_get("name")?,
                    created_at: row.try_get("created_at")?,
                    context: row.try_get::<Option<String>, _>("context")?.map(raw).transpose()?,
                    total_steps: row.try_get("total_steps")?,
                    completed_steps: row.try_get("completed_steps")?,
                    failed_steps: row.try_get("failed_steps")?,
                    last_end: row.try_get("last_end")?,
                    failed: row.try_get("failed")?,
                    error: row.try_get("error")?,
                })
            })
            .collect()
    }

    /// Which of these tasks began, or went on after a wait, at this instant (UTC).
    pub async fn told_starts(&self, task_ids: &[i64], at: NaiveDateTime) -> Result<Vec<i64>, LedgerError> {
        Ok(sqlx::query_scalar(include_str!("../../sql/ledger/told_starts.sql"))
            .bind(task_ids)
            .bind(at)
            .fetch_all(&self.pool)
            .await?)
    }

    /// Which of these steps came to these attempts out of an error, and not after they had been handed back.
    pub async fn told_retries(&self, step_ids: &[i64], attempts: &[i32]) -> Result<Vec<i64>, LedgerError> {
        Ok(sqlx::query_scalar(include_str!("../../sql/ledger/told_retries.sql"))
            .bind(step_ids)
            .bind(attempts)
            .fetch_all(&self.pool)
            .await?)
    }
}
