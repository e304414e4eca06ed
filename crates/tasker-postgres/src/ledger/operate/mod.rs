//! What people do to tasks and steps by hand: each operation in one transaction, with who and why in the history.
//!
//! The record is changed first, by legal edges only; then the side rows of the task are rebuilt from it, in the same
//! transaction. So an operation never has to know what the line, the counters and the claims look like: a claim on a step
//! that was called off is void because the rebuild finds the step cancelled.

mod carry_out;
mod deadline;
mod log;
mod plan;
mod rewind;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use serde_json::value::RawValue;
use tasker_domain::operation::{StepOperation, TaskOperation};

pub use self::deadline::{ExpiredStep, ExpiredSteps, PassedOver};
pub use self::log::{Logged, LoggedOperation};
pub use self::rewind::{Rewind, Rewound};

use self::plan::Plan;
use self::rows::{StepRow, TaskRow};
use super::{Ledger, LedgerError};
use crate::rebuild::{begin_patient, lock};

/// How often tasks that others work on are tried, 20 ms apart.
const ROUNDS: u32 = 250;

/// Tasks that one transaction changes.
const BATCH: usize = 100;

/// Who does something, why, and at which instant.
#[derive(Debug, Clone, Copy)]
pub struct Operator<'a> {
    /// Who.
    pub actor: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The instant (UTC) of the rows; the database's clock where none is given.
    pub now: Option<NaiveDateTime>,
    /// Whether everything is checked and nothing is written.
    pub dry_run: bool,
}

/// What is done to tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskChange {
    /// A move of its state machine.
    Operation(TaskOperation),
    /// Nothing new of it is claimed until it is resumed; what runs goes on.
    Pause,
    /// It goes on.
    Resume,
    /// So many points are added to the priority of each of its steps, instead of what was added before.
    Priority(i32),
}

/// What is done to a step.
#[derive(Debug, Clone)]
pub enum StepChange {
    /// Call it off.
    Cancel,
    /// Settle it by hand.
    Resolve,
    /// End it well with these results.
    Complete {
        /// A JSON value.
        results: Box<RawValue>,
    },
    /// Pass over it.
    Bypass,
    /// Try it again, with at least so many attempts.
    Retry {
        /// From 1.
        attempts: u32,
    },
    /// So many attempts are allowed in all.
    Limit {
        /// From 1.
        attempts: u32,
    },
}

/// What became of an operation on one task or step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operated {
    /// It was done; the state before and after.
    Done {
        /// State of the task or step before.
        from: String,
        /// State after. More may have followed from it, such as the end of the task.
        to: String,
    },
    /// It was so already; nothing was changed.
    AlreadySo,
    /// It is not legal; the sentence says what is.
    Refused(String),
    /// There is none of this id.
    Unknown,
}

impl Ledger {
    /// Does something to tasks, hundreds in a transaction. The answers stand in the order of the ids.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] with tasks that others worked on at every try; what was committed before stands, and doing
    /// the same again is answered [`Operated::AlreadySo`] there.
    pub async fn change_tasks(
        &self,
        task_ids: &[i64],
        change: TaskChange,
        by: Operator<'_>,
    ) -> Result<Vec<(i64, Operated)>, LedgerError> {
        let mut all = BTreeMap::new();
        let distinct: Vec<i64> = task_ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        for batch in distinct.chunks(BATCH) {
            let answers = self
                .operate(batch, by, word(change), |tasks, steps| {
                    let mut plan = Plan::default();
                    let answers = tasks
                        .iter()
                        .map(|task| Ok((task.task_id, plan.change_task(task, steps, change)?)))
                        .collect::<Result<Vec<_>, LedgerError>>()?;
                    Ok((Some(plan), answers))
                })
                .await?;
            all.extend(answers);
        }
        Ok(task_ids.iter().map(|id| (*id, all.get(id).cloned().unwrap_or(Operated::Unknown))).collect())
    }

    /// Does something to one step.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] when others worked on its task at every try.
    pub async fn change_step(
        &self,
        step_id: i64,
        change: &StepChange,
        by: Operator<'_>,
    ) -> Result<Operated, LedgerError> {
        let task: Option<(i64, i64)> = sqlx::query_as(include_str!("../../../sql/operations/tasks_of_steps.sql"))
            .bind(vec![step_id])
            .fetch_optional(&self.pool)
            .await?;
        let Some((_, task_id)) = task else {
            return Ok(Operated::Unknown);
        };
        self.operate(&[task_id], by, step_word(change), |tasks, steps| {
            let mut plan = Plan::default();
            let step = steps.iter().find(|step| step.step_id == step_id);
            let answer = match (tasks.first(), step) {
                (Some(task), Some(step)) => plan.change_step(task, step, change)?,
                _ => Operated::Unknown,
            };
            Ok((matches!(answer, Operated::Done { .. }).then_some(plan), answer))
        })
        .await
    }

    /// Pauses a queue or a task type (`namespace/name`): nothing of it is claimed until it is resumed. Returns false
    /// when it was paused already.
    pub async fn pause(&self, what: Paused<'_>, by: Operator<'_>) -> Result<bool, LedgerError> {
        let (scope, name) = what.parts();
        Ok(sqlx::query_scalar(include_str!("../../../sql/operations/pause.sql"))
            .bind(scope)
            .bind(name)
            .bind(by.actor)
            .bind(by.reason)
            .fetch_one(&self.pool)
            .await?)
    }

    /// Lets a queue or a task type go on. Returns false when it was not paused.
    pub async fn resume(&self, what: Paused<'_>, by: Operator<'_>) -> Result<bool, LedgerError> {
        let (scope, name) = what.parts();
        let (changed, _): (bool, Option<String>) = sqlx::query_as(include_str!("../../../sql/operations/resume.sql"))
            .bind(scope)
            .bind(name)
            .bind(by.actor)
            .bind(by.reason)
            .fetch_one(&self.pool)
            .await?;
        Ok(changed)
    }

    /// Locks the side rows of these tasks, reads their states, lets `decide` plan and carries the plan out. Where nothing is
    /// to be done, the locks are given back before the answer: a worker that came after it would pass over them.
    async fn operate<A>(
        &self,
        task_ids: &[i64],
        by: Operator<'_>,
        word: &str,
        decide: impl Fn(&[TaskRow], &[StepRow]) -> Result<(Option<Plan>, A), LedgerError>,
    ) -> Result<A, LedgerError> {
        self.operate_within(ROUNDS, task_ids, by, word, decide).await
    }

    /// The same with so many tries.
    async fn operate_within<A>(
        &self,
        rounds: u32,
        task_ids: &[i64],
        by: Operator<'_>,
        word: &str,
        decide: impl Fn(&[TaskRow], &[StepRow]) -> Result<(Option<Plan>, A), LedgerError>,
    ) -> Result<A, LedgerError> {
        let mut connection = self.pool.acquire().await?;
        let mut busy = Vec::new();
        for round in 0..rounds {
            if round > 0 {
                let pause = include_str!("../../../sql/maintenance/reindex_pause.sql");
                sqlx::query(pause).persistent(false).execute(&mut *connection).await?;
            }
            let mut transaction = begin_patient(&mut connection).await?;
            let tasks = rows::tasks(&mut transaction, task_ids).await?;
            let ours: Vec<i64> = tasks.iter().filter(|task| task.ours).map(|task| task.task_id).collect();
            let free = lock(&mut transaction, &ours).await?;
            if free.len() < ours.len() {
                transaction.rollback().await?;
                busy = ours.into_iter().filter(|task_id| free.binary_search(task_id).is_err()).collect();
                continue;
            }
            // Read again what may have changed before the locks were held.
            let tasks = rows::tasks(&mut transaction, task_ids).await?;
            let steps = rows::steps(&mut transaction, task_ids).await?;
            let (plan, answer) = decide(&tasks, &steps)?;
            match plan.filter(|_| !by.dry_run) {
                Some(plan) => {
                    plan.carry_out(&mut transaction, task_ids, by, word).await?;
                    transaction.commit().await?;
                }
                None => transaction.rollback().await?,
            }
            return Ok(answer);
        }
        Err(LedgerError::Busy(busy))
    }
}

/// What can be paused as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paused<'a> {
    /// A queue.
    Queue(&'a str),
    /// A task type, `namespace/name`, in all its versions.
    Type(&'a str),
}

impl<'a> Paused<'a> {
    pub(super) fn parts(self) -> (&'static str, &'a str) {
        match self {
            Paused::Queue(name) => ("queue", name),
            Paused::Type(name) => ("type", name),
        }
    }
}

fn word(change: TaskChange) -> &'static str {
    match change {
        TaskChange::Operation(operation) => operation.as_str(),
        TaskChange::Pause => "pause",
        TaskChange::Resume => "resume",
        TaskChange::Priority(_) => "priority",
    }
}

fn step_word(change: &StepChange) -> &'static str {
    match change {
        StepChange::Limit { .. } => "limit",
        other => other.operation().map_or("limit", StepOperation::as_str),
    }
}

impl StepChange {
    fn operation(&self) -> Option<StepOperation> {
        Some(match self {
            StepChange::Cancel => StepOperation::Cancel,
            StepChange::Resolve => StepOperation::Resolve,
            StepChange::Complete { .. } => StepOperation::Complete,
            StepChange::Bypass => StepOperation::Bypass,
            StepChange::Retry { .. } => StepOperation::Retry,
            StepChange::Limit { .. } => return None,
        })
    }
}
