//! Rows for tests: a builder for each of the 13 tables, with the values and traits of the original's suite, and whole
//! workflows in any state.
//!
//! Rows are written as they are asked for, without the engine: its side tables know nothing of them. What the traits of
//! the original get wrong is right here: of a history only the last line is the newest, a wait has not passed already.

mod annotations;
mod definitions;
mod edges;
mod histories;
mod moves;
mod progress;
mod steps;
mod tasks;
mod workflows;

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::NaiveDateTime;
use sqlx::PgPool;
use tasker_core::entropy::Entropy;
use tasker_postgres::factories::{FactoryRow, insert};

pub use annotations::{AnnotationTypeBuilder, ObjectMapBuilder, TaskAnnotationBuilder};
pub use definitions::{
    DependentSystemBuilder, NamedStepBuilder, NamedTaskBuilder, NamedTasksNamedStepBuilder, TaskNamespaceBuilder,
};
pub use edges::{EdgeBuilder, EdgeWithEnds};
pub use histories::{StepTransitionBuilder, TaskTransitionBuilder};
pub use moves::{StepMove, TaskMove};
pub use progress::{Progress, Situation};
pub use steps::{StepBuilder, StepWithHistory};
pub use tasker_postgres::factories as rows;
pub use tasks::{TaskBuilder, TaskWithHistory};
pub use workflows::{Batch, Workflow, WorkflowBuilder};

/// Makes rows in a database. Two factories on one database would give the same names; rows with a name that is there
/// already are taken as they are.
#[derive(Debug)]
pub struct Factory {
    pool: PgPool,
    entropy: Entropy,
    now: NaiveDateTime,
    number: AtomicU32,
}

/// A row that stands in the database, with its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<R> {
    /// Its id.
    pub id: i64,
    /// What was written.
    pub row: R,
}

impl Factory {
    /// A factory whose rows are made at the instant `now` (UTC) and whose ids come from `entropy`.
    pub fn new(pool: PgPool, entropy: Entropy, now: NaiveDateTime) -> Self {
        Self { pool, entropy, now, number: AtomicU32::new(0) }
    }

    /// The instant of its rows, UTC.
    pub fn now(&self) -> NaiveDateTime {
        self.now
    }

    /// The database.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A number that was not given before.
    fn next_number(&self) -> u32 {
        self.number.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn insert<R: FactoryRow>(&self, row: R) -> Result<Stored<R>, sqlx::Error> {
        let mut stored = self.insert_all(vec![row]).await?;
        stored.pop().ok_or(sqlx::Error::RowNotFound)
    }

    async fn insert_all<R: FactoryRow>(&self, rows: Vec<R>) -> Result<Vec<Stored<R>>, sqlx::Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids = insert(&self.pool, &rows).await?;
        assert_eq!(ids.len(), rows.len(), "an insert gives an id for each row");
        Ok(ids.into_iter().zip(rows).map(|(id, row)| Stored { id, row }).collect())
    }
}

impl<R> Stored<R> {
    /// The id, for columns of four bytes.
    ///
    /// # Panics
    /// When it does not fit; ids of definitions do.
    pub fn small_id(&self) -> i32 {
        i32::try_from(self.id).expect("the tables of definitions have ids of four bytes")
    }
}
