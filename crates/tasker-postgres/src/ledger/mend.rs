//! Putting right what others changed underneath: side rows are rebuilt from the record, and what no rebuild mends is set
//! aside.

use std::collections::HashMap;

use sqlx::{Postgres, Transaction};

use super::{Ledger, LedgerError};
use crate::rebuild::{begin_patient, forget_deleted, lock, rebuild_locked};

/// How often a task that others work on is tried to be rebuilt, 20 ms apart.
const REBUILD_ROUNDS: u32 = 250;

/// How often a call has the same task rebuilt before it is set aside: its rows are such that a rebuild does not mend it, and
/// it would stand in the way of all others for ever. From the second time on the whole queue is searched for what stands for
/// steps that the task has not any more.
const REBUILDS_OF_A_TASK: u32 = 5;

impl Ledger {
    /// Writes the side rows of these tasks anew from the record. Waits for a few seconds for others that work on
    /// them. Tasks whose steps are not those of their definition any more are set aside: nothing of them is claimed until
    /// they fit again. What stands for steps, or tasks, that were deleted from the record is taken out.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] with the tasks that others worked on at every try.
    pub async fn rebuild_tasks(&self, tasks: &[i64]) -> Result<(), LedgerError> {
        self.rebuild(tasks, &[]).await
    }

    /// As [`rebuild_tasks`](Self::rebuild_tasks); of the suspected ones all that stands for deleted steps is looked for, which
    /// reads the whole queue.
    async fn rebuild(&self, tasks: &[i64], suspected: &[i64]) -> Result<(), LedgerError> {
        let mut connection = self.pool.acquire().await?;
        let mut left = tasks.to_vec();
        for round in 0..REBUILD_ROUNDS {
            if round > 0 {
                let pause = include_str!("../../sql/maintenance/reindex_pause.sql");
                sqlx::query(pause).persistent(false).execute(&mut *connection).await?;
            }
            let mut transaction = begin_patient(&mut connection).await?;
            let deleted = forget_deleted(&mut transaction, &left, suspected).await?;
            let held = deleted.tasks.iter().filter(|task_id| !deleted.forgotten.contains(task_id));
            let held: Vec<i64> = held.copied().collect();
            left.retain(|task_id| !deleted.tasks.contains(task_id));
            let free = lock(&mut transaction, &left).await?;
            let rebuilt = rebuild_locked(&mut transaction, &free).await?;
            let unfit: Vec<i64> = rebuilt.iter().filter(|task| task.unfit).map(|task| task.task_id).collect();
            if !unfit.is_empty() {
                tracing::warn!(tasks = ?unfit, "the steps of these tasks are not those of their definition any more; nothing of them is carried out");
                set_aside(&mut transaction, &unfit).await?;
            }
            transaction.commit().await?;
            left.retain(|task_id| free.binary_search(task_id).is_err());
            left.extend(held);
            if left.is_empty() {
                return Ok(());
            }
        }
        Err(LedgerError::Busy(left))
    }

    /// The tasks to which a step belongs, by the record and by the queue.
    pub(super) async fn tasks_of(&self, whose: Whose) -> Result<Vec<i64>, LedgerError> {
        let step_id = match whose {
            Whose::Step(step_id) => step_id,
            Whose::Task(task_id) => return Ok(vec![task_id]),
        };
        let tasks = sqlx::query_scalar(include_str!("../../sql/ledger/tasks_of_step.sql"));
        Ok(tasks.bind(step_id).persistent(false).fetch_all(&self.pool).await?)
    }

    /// Takes tasks that no rebuild mends out of queue and line, as far as nobody else holds their rows.
    async fn set_aside(&self, tasks: &[i64]) -> Result<(), LedgerError> {
        let mut connection = self.pool.acquire().await?;
        let mut transaction = begin_patient(&mut connection).await?;
        let free = lock(&mut transaction, tasks).await?;
        set_aside(&mut transaction, &free).await?;
        transaction.commit().await?;
        if free.is_empty() {
            // Somebody holds their rows: they are named again, and tried again.
            return Ok(());
        }
        tracing::warn!(tasks = ?free, "the histories of these tasks are not as they must be; nothing of them is carried out until somebody mends them (`tasker why TASK` says more)");
        Ok(())
    }
}

/// Takes tasks whose side rows are [locked](lock) out of queue and line.
async fn set_aside(transaction: &mut Transaction<'_, Postgres>, tasks: &[i64]) -> Result<(), LedgerError> {
    sqlx::query(include_str!("../../sql/ledger/set_aside.sql"))
        .bind(tasks)
        .persistent(false)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// How often a call has had each task rebuilt.
#[derive(Debug, Default)]
pub(super) struct Mended(HashMap<i64, u32>);

impl Mended {
    /// Has the side rows of these tasks rebuilt, or sets aside what no rebuild mends.
    pub(super) async fn mend(&mut self, ledger: &Ledger, tasks: Vec<i64>) -> Result<(), LedgerError> {
        for &task_id in &tasks {
            *self.0.entry(task_id).or_default() += 1;
        }
        let (mut hopeless, tasks): (Vec<i64>, Vec<i64>) =
            tasks.into_iter().partition(|task_id| self.0[task_id] > REBUILDS_OF_A_TASK);
        if !tasks.is_empty() {
            tracing::info!(?tasks, "somebody else changed tasks; their side rows are rebuilt");
            let again: Vec<i64> = tasks.iter().copied().filter(|task_id| self.0[task_id] > 1).collect();
            match ledger.rebuild(&tasks, &again).await {
                // One of them has rows (an instant at the end of all time, say) with which nothing can be reckoned.
                Err(LedgerError::InvalidValue(_)) => {
                    for task_id in tasks {
                        match ledger.rebuild(&[task_id], &again).await {
                            Err(LedgerError::InvalidValue(_)) => hopeless.push(task_id),
                            rebuilt => rebuilt?,
                        }
                    }
                }
                rebuilt => rebuilt?,
            }
        }
        if !hopeless.is_empty() {
            ledger.set_aside(&hopeless).await?;
        }
        Ok(())
    }
}

/// Whose history a row that the database refused belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Step(i64),
    Task(i64),
}
