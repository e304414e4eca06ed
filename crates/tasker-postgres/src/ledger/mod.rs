//! Writing and reading the record: definitions, the exchange, workers, and what became of a task.

mod care;
mod definition;
mod error;
mod exchange;
mod exchanger;
mod look;
mod operate;
mod task;
mod told;
mod why;
mod worker;

use sqlx::PgPool;

use crate::rebuild::{begin_patient, lock, rebuild_locked};

pub use care::{Lookout, Seen};
pub use definition::{DefinitionId, Registered, RegistrationOutcome, StoredDefinition};
pub use error::LedgerError;
pub use exchange::{Claim, ClaimedTask, Created, Ended, Exchange, NewTask, Reply, Settled, Settlement};
pub use exchanger::Exchanger;
pub use look::{ListedWorker, Move, NamedClaim, Served, ServedBy, StepDetail, TaskDetail, TaskLine};
pub use operate::{
    ExpiredStep, ExpiredSteps, Logged, LoggedOperation, Operated, Operator, PassedOver, Paused, Rewind, Rewound,
    StepChange, TaskChange,
};
pub use task::{Prospect, Startable, StepRecord, TaskOverview, TaskRecord};
pub use told::ToldTask;
pub use why::WhyFacts;
pub use worker::{Beat, HeldStep, Holder, NewWorker, WorkerId};

/// Largest total of contexts and results that one exchange carries, in bytes.
pub const EXCHANGE_BYTES: usize = 8 * 1024 * 1024;

/// How often a task that others work on is tried to be rebuilt, 20 ms apart.
const REBUILD_ROUNDS: u32 = 250;

/// Most outcomes that one exchange carries.
pub const EXCHANGE_OUTCOMES: usize = 500;

/// The record behind a connection pool. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger {
    pool: PgPool,
}

impl Ledger {
    /// A ledger on a database whose schema stands (see [`crate::schema`]).
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool behind it.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Writes the side rows of these tasks anew from the record. Waits for a few seconds for others that work on
    /// them. Tasks whose steps are not those of their definition any more are set aside: nothing of them is claimed until
    /// they fit again.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] with the tasks that others worked on at every try.
    pub async fn rebuild_tasks(&self, tasks: &[i64]) -> Result<(), LedgerError> {
        let mut connection = self.pool.acquire().await?;
        let mut left = tasks.to_vec();
        for round in 0..REBUILD_ROUNDS {
            if round > 0 {
                let pause = include_str!("../../sql/maintenance/reindex_pause.sql");
                sqlx::query(pause).persistent(false).execute(&mut *connection).await?;
            }
            let mut transaction = begin_patient(&mut connection).await?;
            let free = lock(&mut transaction, &left).await?;
            let rebuilt = rebuild_locked(&mut transaction, &free).await?;
            let unfit: Vec<i64> = rebuilt.iter().filter(|task| task.unfit).map(|task| task.task_id).collect();
            if !unfit.is_empty() {
                tracing::warn!(tasks = ?unfit, "the steps of these tasks are not those of their definition any more; nothing of them is carried out");
                sqlx::query(include_str!("../../sql/ledger/set_aside.sql"))
                    .bind(&unfit)
                    .persistent(false)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            left.retain(|task_id| free.binary_search(task_id).is_err());
            if left.is_empty() {
                return Ok(());
            }
        }
        Err(LedgerError::Busy(left))
    }
}
