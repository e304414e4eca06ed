//! Workers: who is alive, who holds what, and the fence that a dead one leaves behind.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use sqlx::Row;

use super::{Ledger, LedgerError};

/// Number of one start of a worker: its incarnation. A new start gets a new number, so an old claim is never mistaken
/// for a new one.
pub type WorkerId = i32;

/// A worker that holds steps of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// Its number.
    pub worker_id: WorkerId,
    /// Its name: host and process. Nothing where its row is gone: it was taken over while an
    /// exchange of its own was still under way.
    pub name: Option<String>,
    /// How many steps of the task it holds; not counted where no task was asked about.
    pub steps: i64,
    /// When (UTC) it was last heard of.
    pub seen_at: Option<NaiveDateTime>,
    /// How long it still counts as alive without being heard of; zero for a dead one.
    pub lease_left: Duration,
}

/// A step that a worker holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldStep {
    /// Id of the step.
    pub step_id: i64,
    /// Token of the claim.
    pub token: i32,
    /// Number of the attempt that the claim began; 0 if the step is to be passed over.
    pub attempt: u32,
    /// Number of attempts in all.
    pub attempts_allowed: u32,
}

/// What a heartbeat is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// False when others have declared the worker lost: its claims are void and it has to start anew.
    pub alive: bool,
    /// Claims (step and token) that are not the worker's any more.
    pub voided: Vec<(i64, i32)>,
}

/// A worker that starts.
#[derive(Debug, Clone)]
pub struct NewWorker<'a> {
    /// Its name: host and process.
    pub name: &'a str,
    /// How long it may be silent before others take over what it holds.
    pub lease: Duration,
    /// How many steps it carries out at a time.
    pub concurrency: usize,
    /// The one task that it works, if it works only one.
    pub task_id: Option<i64>,
    /// The queues that it serves; all where nothing is given.
    pub queues: Option<&'a [String]>,
    /// The handlers that it has; any where nothing is given.
    pub handlers: Option<&'a [String]>,
    /// The types (`namespace/name`) of others' tasks that it adopts.
    pub types: &'a [String],
    /// The templates (`namespace/name version`) whose tasks it carries out; all where nothing is given.
    pub templates: Option<&'a [String]>,
}

impl Ledger {
    /// Enters a worker.
    pub async fn start_worker(&self, worker: &NewWorker<'_>) -> Result<WorkerId, LedgerError> {
        loop {
            let row = sqlx::query(include_str!("../../sql/ledger/start_worker.sql"))
                .bind(worker.name)
                .bind(worker.lease.as_secs_f64())
                .bind(i32::try_from(worker.concurrency).unwrap_or(i32::MAX))
                .bind(worker.task_id)
                .bind(worker.queues)
                .bind(worker.handlers)
                .bind(worker.types)
                .bind(worker.templates)
                .fetch_optional(&self.pool)
                .await?;
            if let Some(row) = row {
                return Ok(row.try_get("worker_id")?);
            }
        }
    }

    /// The lanes that a worker serves now: of its queues and handlers, without what is paused. Its exchanges
    /// [say](super::Reply::lanes_changed) when it has to ask again.
    pub async fn lanes(&self, worker: WorkerId) -> Result<Vec<i64>, LedgerError> {
        sqlx::query(include_str!("../../sql/ledger/serve_mark.sql")).bind(worker).execute(&self.pool).await?;
        Ok(sqlx::query_scalar(include_str!("../../sql/ledger/serve.sql")).bind(worker).fetch_all(&self.pool).await?)
    }

    /// Says that a worker is alive, and asks which of the claims that it believes to hold (step and token) are not its
    /// own any more: a person cancelled the step, say.
    pub async fn heartbeat(&self, worker: WorkerId, claims: &[(i64, i32)]) -> Result<Beat, LedgerError> {
        let (steps, tokens): (Vec<i64>, Vec<i32>) = claims.iter().copied().unzip();
        let row = sqlx::query(include_str!("../../sql/ledger/heartbeat.sql"))
            .bind(worker)
            .bind(steps)
            .bind(tokens)
            .fetch_one(&self.pool)
            .await?;
        let steps: Vec<i64> = row.try_get("steps")?;
        let tokens: Vec<i32> = row.try_get("tokens")?;
        Ok(Beat { alive: row.try_get("alive")?, voided: steps.into_iter().zip(tokens).collect() })
    }

    /// Workers that have been silent for their lease; their claims may be taken over.
    pub async fn silent_workers(&self) -> Result<Vec<Holder>, LedgerError> {
        let rows = sqlx::query(include_str!("../../sql/ledger/silent_workers.sql")).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(Holder {
                    worker_id: row.try_get("worker_id")?,
                    name: row.try_get("name")?,
                    steps: 0,
                    seen_at: row.try_get::<Option<DateTime<Utc>>, _>("seen_at")?.map(|at| at.naive_utc()),
                    lease_left: Duration::ZERO,
                })
            })
            .collect()
    }

    /// Takes a worker that holds nothing out of the list; one that still holds steps stays, for its claims to be taken
    /// over.
    pub async fn stop_worker(&self, worker: WorkerId) -> Result<(), LedgerError> {
        sqlx::query(include_str!("../../sql/ledger/stop_worker.sql")).bind(worker).execute(&self.pool).await?;
        Ok(())
    }

    /// The workers that hold steps of a task.
    pub async fn holders(&self, task_id: i64) -> Result<Vec<Holder>, LedgerError> {
        let rows =
            sqlx::query(include_str!("../../sql/ledger/holders.sql")).bind(task_id).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(Holder {
                    worker_id: row.try_get("worker_id")?,
                    name: row.try_get("name")?,
                    steps: row.try_get("steps")?,
                    seen_at: row.try_get::<Option<DateTime<Utc>>, _>("seen_at")?.map(|at| at.naive_utc()),
                    lease_left: Duration::try_from_secs_f64(row.try_get("lease_left")?).unwrap_or(Duration::MAX),
                })
            })
            .collect()
    }

    /// Declares a worker lost if it has been silent for its lease, and returns its name; nothing if it is alive.
    ///
    /// From then on it gets no answer to its heartbeat. Whoever declared it lost settles its claims by an
    /// [exchange](Ledger::exchange) in its name: the tokens see to it that nobody else does, too.
    pub async fn declare_lost(&self, worker: WorkerId) -> Result<Option<String>, LedgerError> {
        let row = sqlx::query(include_str!("../../sql/ledger/declare_lost.sql"))
            .bind(worker)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| row.try_get("name")).transpose()?)
    }

    /// The steps that a worker holds, whatever the task.
    pub async fn held_steps(&self, worker: WorkerId) -> Result<Vec<HeldStep>, LedgerError> {
        let rows =
            sqlx::query(include_str!("../../sql/ledger/held_steps.sql")).bind(worker).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(HeldStep {
                    step_id: row.try_get("step_id")?,
                    token: row.try_get("token")?,
                    attempt: row.try_get::<i32, _>("attempt")?.unsigned_abs(),
                    attempts_allowed: row.try_get::<i32, _>("attempts_allowed")?.unsigned_abs(),
                })
            })
            .collect()
    }
}
