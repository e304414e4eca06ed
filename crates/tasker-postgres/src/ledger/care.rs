//! Looking after what nobody has in hand: tasks that others created, and tasks of ours that others have changed.

use chrono::NaiveDateTime;
use serde_json::json;
use sqlx::{PgConnection, Row};

use super::{Ledger, LedgerError};
use crate::rebuild::{Rebuilt, begin_patient, lock, rebuild_locked};

/// Tasks that one transaction adopts or compares with the record.
const BATCH: usize = 100;

/// How far behind the newest task a worker reads again and again while a transaction is under way that may still bring
/// one; what is further behind is left to the round.
const WINDOW: i64 = 10_000;

/// How far a worker has looked for tasks that others created.
///
/// Ids are drawn before they are committed, so a task with a lower id may appear after one with a higher id was seen.
/// Therefore an id only counts as seen for good when every transaction has ended that was under way at the look which
/// saw it as the greatest; until then each look reads from the last such id on. What even that misses (an id drawn long before
/// its transaction began to write, a sequence that was set back, a task that is reopened) is found by the round, which
/// goes through all unfinished tasks page by page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lookout {
    /// Up to this id all has been seen; nothing before the first look.
    settled: Option<i64>,
    /// An id that counts as seen when all transactions below this number have ended.
    pending: Option<(i64, i64)>,
    /// How far the round has come.
    round: i64,
}

impl Lookout {
    /// Whether the next look begins a new round.
    pub fn is_through(&self) -> bool {
        self.round == 0 && self.settled.is_some()
    }

    fn saw(&mut self, front: i64, oldest_xid: i64, next_xid: i64, reached: i64) {
        let before = self.settled.unwrap_or(0);
        let settled = match self.pending {
            Some((id, ended_below)) if oldest_xid >= ended_below => {
                self.pending = None;
                id
            }
            _ => before,
        };
        self.pending.get_or_insert((front, next_xid));
        self.settled = Some(settled.max(front - WINDOW));
        self.round = reached;
    }
}

/// What a look around found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Some worker has been silent for its lease.
    pub silent: bool,
    /// Some deadline has passed.
    pub overdue: bool,
    /// Unfinished tasks that others created, of types that were asked for and have a definition.
    pub found: Vec<i64>,
    /// Tasks whose side rows say something else than the record.
    pub differ: Vec<i64>,
}

impl Ledger {
    /// Looks for all that a worker looks after, in one statement: silent workers, deadlines, tasks of these types that
    /// others created (`namespace/name`, `namespace/*` or `*`), and tasks that others have changed. `now` is what
    /// deadlines are compared with, the database's clock where none is given.
    pub async fn look_around(
        &self,
        types: &[String],
        lookout: &mut Lookout,
        now: Option<NaiveDateTime>,
    ) -> Result<Seen, LedgerError> {
        let row = sqlx::query(include_str!("../../sql/ledger/look_around.sql"))
            .bind(types)
            .bind(lookout.settled.unwrap_or(i64::MAX))
            .bind(lookout.round)
            .bind(now.map(|instant| instant.and_utc()))
            .fetch_one(&self.pool)
            .await?;
        lookout.saw(
            row.try_get("front")?,
            row.try_get("oldest_xid")?,
            row.try_get("next_xid")?,
            row.try_get("reached")?,
        );
        Ok(Seen {
            silent: row.try_get("silent")?,
            overdue: row.try_get("overdue")?,
            found: row.try_get("adoptable")?,
            differ: row.try_get("differ")?,
        })
    }

    /// Makes tasks ours that others created, as far as their steps and edges are those of the newest definition of their
    /// type, and returns those: from now on workers carry out what of them can run. Steps that another program
    /// has in progress stay with it.
    ///
    /// # Errors
    /// What was adopted before stands.
    pub async fn adopt_tasks(&self, tasks: &[i64]) -> Result<Vec<i64>, LedgerError> {
        let mut adopted = Vec::new();
        let mut connection = self.pool.acquire().await?;
        for batch in tasks.chunks(BATCH) {
            let mut transaction = begin_patient(&mut connection).await?;
            let fitting: Vec<i64> = sqlx::query_scalar(include_str!("../../sql/ledger/adopt.sql"))
                .bind(batch)
                .persistent(false)
                .fetch_all(&mut *transaction)
                .await?;
            let locked = lock(&mut transaction, &fitting).await?;
            let rebuilt = rebuild_locked(&mut transaction, &locked).await?;
            if rebuilt.len() < fitting.len() || rebuilt.iter().any(|task| task.unfit) {
                return Err(LedgerError::Inconsistent(format!("side rows of the tasks {fitting:?} could not be made")));
            }
            transaction.commit().await?;
            adopted.extend(fitting);
        }
        Ok(adopted)
    }

    /// Writes side rows anew that say something else than the record, of tasks that nobody is at (the next look finds
    /// the others again), and ends those of which nothing can run any more, in the name of `label`. Returns those whose
    /// steps are not those of their definition any more, or whose rows are such that nothing can be reckoned with them; they
    /// are left as they are.
    ///
    /// # Errors
    /// What was committed before stands.
    pub async fn reconcile(
        &self,
        tasks: &[i64],
        label: &str,
        now: Option<NaiveDateTime>,
    ) -> Result<Vec<i64>, LedgerError> {
        let mut unfit = Vec::new();
        let mut connection = self.pool.acquire().await?;
        for batch in tasks.chunks(BATCH) {
            match reconcile_batch(&mut connection, batch, label, now).await {
                // One of them has rows with which nothing can be reckoned; the others are not to wait for it.
                Err(LedgerError::InvalidValue(_)) => {
                    for task in batch.chunks(1) {
                        match reconcile_batch(&mut connection, task, label, now).await {
                            Err(LedgerError::InvalidValue(error)) => {
                                tracing::warn!(?task, %error, "this task cannot be written anew from its record");
                                unfit.extend(task);
                            }
                            found => unfit.extend(found?),
                        }
                    }
                }
                found => unfit.extend(found?),
            }
        }
        Ok(unfit)
    }
}

/// Reconciles some tasks in one transaction, and returns those that do not fit.
async fn reconcile_batch(
    connection: &mut PgConnection,
    tasks: &[i64],
    label: &str,
    now: Option<NaiveDateTime>,
) -> Result<Vec<i64>, LedgerError> {
    let mut transaction = begin_patient(connection).await?;
    let free = lock(&mut transaction, tasks).await?;
    let rebuilt = rebuild_locked(&mut transaction, &free).await?;
    let unfit = rebuilt.iter().filter(|task| task.unfit).map(|task| task.task_id).collect();
    let stalled: Vec<i64> =
        rebuilt.iter().filter(|task: &&Rebuilt| task.stalled && !task.unfit).map(|task| task.task_id).collect();
    let stalled: Vec<i64> = sqlx::query_scalar(include_str!("../../sql/ledger/stalled_for_long.sql"))
        .bind(stalled)
        .bind(now.map(|instant| instant.and_utc()))
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await?;
    if !stalled.is_empty() {
        sqlx::query(include_str!("../../sql/operations/settle_stalled.sql"))
            .bind(&stalled)
            .bind(json!({ "worker": label }))
            .bind(now)
            .persistent(false)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(unfit)
}
