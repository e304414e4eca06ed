//! Writing and reading the record: definitions, the exchange, workers, and what became of a task.

mod care;
mod definition;
mod error;
mod exchange;
mod exchanger;
mod look;
mod mend;
mod operate;
mod task;
mod told;
mod why;
mod worker;

use sqlx::PgPool;

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
