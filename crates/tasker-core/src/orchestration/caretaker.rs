//! What every worker does now and then for all: it takes over what silent workers hold, calls tasks off whose
//! deadline has passed, ends steps whose deadline has passed, makes tasks its own that others created, and notices what others have changed.
//!
//! All of it is looked for in one statement, so that an idle worker asks little; only what is found costs more.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tasker_domain::code::Coded;
use tasker_domain::operation::TaskOperation;
use tasker_postgres::ledger::{Ledger, LedgerError, Lookout, Operated, Operator, TaskChange};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::step_deadlines::expire_steps;
use super::take_over::take_over_from;
use crate::clock::{Clock, SystemClock};
use crate::entropy::Entropy;

/// Tasks that are called off in one go.
const OVERDUE_AT_A_TIME: i64 = 100;

/// How long a task is left alone that does not fit its definition: another may be registered meanwhile.
const LEFT_ALONE_FOR: Duration = Duration::from_secs(60);

/// Who calls off a task whose deadline has passed, as the history names it.
const ACTOR: &str = "tasker";

/// Looks after the work of others until dropped.
#[derive(Debug)]
pub(crate) struct Caretaker {
    task: JoinHandle<()>,
}

/// What it looks after, and in whose name.
pub(crate) struct Care {
    pub(crate) ledger: Ledger,
    pub(crate) entropy: Entropy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) label: String,
    /// Types of others' tasks that are adopted.
    pub(crate) types: Vec<String>,
    /// Notified when there is something new in the line.
    pub(crate) called: Arc<Notify>,
    /// How often it looks: a part of the lease, so that what a dead worker held is soon found.
    pub(crate) every: Duration,
}

impl Caretaker {
    /// Starts to look, in real time, whatever clock the rest works by: leases pass in real time.
    pub(crate) fn start(care: Care) -> Self {
        let task = tokio::spawn(async move {
            let real = SystemClock::new();
            let mut lookout = Lookout::default();
            let mut left_alone = HashSet::new();
            let mut forgotten_at = real.elapsed();
            // Who adopts wants to know at once what is there; the first round is not spread over time.
            let mut hurries = !care.types.is_empty();
            loop {
                if !hurries {
                    // Workers that were started together do not look together for long.
                    real.sleep(care.every.mul_f64(0.8 + 0.4 * care.entropy.fraction())).await;
                }
                if real.elapsed() > forgotten_at + LEFT_ALONE_FOR {
                    left_alone.clear();
                    forgotten_at = real.elapsed();
                }
                match care.look(&mut lookout, &mut left_alone).await {
                    Ok(()) => hurries = hurries && !lookout.is_through(),
                    Err(error) => {
                        hurries = false;
                        tracing::warn!(%error, code = %error.code(), "the work of others could not be looked after; the next look tries again");
                    }
                }
            }
        });
        Self { task }
    }
}

impl Drop for Caretaker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Care {
    async fn look(&self, lookout: &mut Lookout, left_alone: &mut HashSet<i64>) -> Result<(), LedgerError> {
        let now = self.clock.record_time();
        let seen = self.ledger.look_around(&self.types, lookout, now).await?;
        if seen.silent {
            self.take_over_silent().await?;
        }
        if seen.overdue {
            self.call_off_overdue().await?;
            expire_steps(&self.ledger, now).await?;
        }
        let wanted = |tasks: Vec<i64>| -> Vec<i64> {
            tasks.into_iter().filter(|task_id| !left_alone.contains(task_id)).collect()
        };
        let (found, differ) = (wanted(seen.found), wanted(seen.differ));
        if !found.is_empty() {
            let adopted = self.ledger.adopt_tasks(&found).await?;
            tracing::info!(tasks = adopted.len(), "tasks of other programs were adopted");
            let left: Vec<i64> = found.into_iter().filter(|task_id| !adopted.contains(task_id)).collect();
            if !left.is_empty() {
                tracing::warn!(
                    tasks = ?left,
                    "these tasks of other programs are left alone: another worker adopted them, or their steps are not those of the definition that is registered for their type"
                );
                left_alone.extend(left);
            }
            self.called.notify_one();
        }
        if !differ.is_empty() {
            tracing::info!(tasks = ?differ, "other programs changed tasks; their side rows are written anew");
            let unfit = self.ledger.reconcile(&differ, &self.label, now).await?;
            if !unfit.is_empty() {
                tracing::warn!(tasks = ?unfit, "the steps of these tasks are not those of their definition any more; they are left alone");
                left_alone.extend(unfit);
            }
            self.called.notify_one();
        }
        Ok(())
    }

    /// Takes over what silent workers hold.
    pub(crate) async fn take_over_silent(&self) -> Result<(), LedgerError> {
        for holder in self.ledger.silent_workers().await? {
            tracing::info!(
                worker = holder.worker_id,
                name = holder.name,
                "a worker is silent; its steps are taken over"
            );
            take_over_from(&self.ledger, &self.entropy, self.clock.record_time(), &holder).await?;
        }
        Ok(())
    }

    /// Cancels tasks whose deadline has passed.
    pub(crate) async fn call_off_overdue(&self) -> Result<(), LedgerError> {
        loop {
            let now = self.clock.record_time();
            let overdue = self.ledger.passed_deadlines(OVERDUE_AT_A_TIME, now).await?;
            let by = Operator { actor: ACTOR, reason: "deadline passed", now, dry_run: false };
            let cancel = TaskChange::Operation(TaskOperation::Cancel);
            for (task_id, operated) in self.ledger.change_tasks(&overdue, cancel, by).await? {
                match operated {
                    Operated::Done { from, .. } => {
                        tracing::info!(task_id, %from, "the deadline has passed; called off")
                    }
                    other => tracing::debug!(task_id, ?other, "the deadline has passed of a task that has ended"),
                }
            }
            if (overdue.len() as i64) < OVERDUE_AT_A_TIME {
                return Ok(());
            }
        }
    }
}
