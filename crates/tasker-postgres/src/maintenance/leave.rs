//! Leaving a database: our schema goes, the record stays, and Rails goes on.

use std::fmt;

use sqlx::{FromRow, PgConnection, PgPool};

use super::MaintenanceError;
use crate::schema::{begin_read_committed, check_engine};

/// How often our tables are tried to be locked while exchanges come and go, 20 ms apart.
const ROUNDS: u32 = 250;

/// Steps of a task that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct LiveClaim {
    /// Name of the worker.
    pub worker: String,
    /// Id of the task.
    pub task_id: i64,
    /// How many of its steps.
    pub steps: i64,
}

impl fmt::Display for LiveClaim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = if self.steps == 1 { "step" } else { "steps" };
        write!(formatter, "{} holds {} {steps} of task {}", self.worker, self.steps, self.task_id)
    }
}

/// What was left in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Left {
    /// Steps that stand in progress although their worker is dead: nobody finishes them by itself.
    pub abandoned: i64,
    /// Tasks of ours that have not ended.
    pub unfinished: i64,
}

/// Says who is at work and what would be left; changes nothing.
///
/// # Errors
/// [`MaintenanceError::AtWork`], [`MaintenanceError::Dependents`]; [`MaintenanceError::Schema`] without schema
/// `tasker_engine`.
pub async fn plan_leave(pool: &PgPool) -> Result<Left, MaintenanceError> {
    let mut connection = pool.acquire().await?;
    check_engine(&mut connection).await?;
    refuse_or_count(&mut connection).await
}

/// Drops schema `tasker_engine`: with it go definitions, queue and workers, not one row of the record.
///
/// # Errors
/// As [`plan_leave`], and [`MaintenanceError::InUse`] when somebody has our tables locked all the time. Nothing is
/// dropped then.
pub async fn leave(pool: &PgPool) -> Result<Left, MaintenanceError> {
    let mut connection = pool.acquire().await?;
    check_engine(&mut connection).await?;
    refuse_or_count(&mut connection).await?;
    for _ in 0..ROUNDS {
        let mut transaction = begin_read_committed(&mut connection).await?;
        let locked =
            sqlx::raw_sql(include_str!("../../sql/maintenance/lock_engine.sql")).execute(&mut *transaction).await;
        match locked {
            Ok(_) => {
                // Looked at again, now that nobody can come in between.
                let left = refuse_or_count(&mut transaction).await?;
                sqlx::raw_sql("DROP SCHEMA tasker_engine CASCADE").execute(&mut *transaction).await?;
                transaction.commit().await?;
                return Ok(left);
            }
            Err(error)
                if error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "55P03") =>
            {
                transaction.rollback().await?;
                sqlx::query(include_str!("../../sql/maintenance/reindex_pause.sql"))
                    .persistent(false)
                    .execute(&mut *connection)
                    .await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(MaintenanceError::InUse)
}

async fn refuse_or_count(connection: &mut PgConnection) -> Result<Left, MaintenanceError> {
    let claims: Vec<LiveClaim> = sqlx::query_as(include_str!("../../sql/maintenance/live_claims.sql"))
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?;
    if !claims.is_empty() {
        return Err(MaintenanceError::AtWork { claims });
    }
    let views: Vec<String> = sqlx::query_scalar(include_str!("../../sql/maintenance/dependents.sql"))
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?;
    if !views.is_empty() {
        return Err(MaintenanceError::Dependents { views });
    }
    let left = sqlx::query_as(include_str!("../../sql/maintenance/left_behind.sql"))
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    Ok(left)
}
