//! Writing and reading the record: definitions, the exchange, workers, and what became of a task.

mod definition;
mod error;
mod exchange;
mod task;
mod worker;

use sqlx::PgPool;

pub use definition::{DefinitionId, Registered, RegistrationOutcome, StoredDefinition};
pub use error::LedgerError;
pub use exchange::{Claim, ClaimedTask, Created, Ended, Exchange, NewTask, ParentResults, Reply, Settled, Settlement};
pub use task::{Prospect, StepRecord, TaskOverview, TaskRecord};
pub use worker::{HeldStep, Holder, WorkerId};

/// Largest total of contexts and results that one exchange carries, in bytes.
pub const EXCHANGE_BYTES: usize = 8 * 1024 * 1024;

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
}
