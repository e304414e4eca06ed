//! What people do to tasks and steps by hand: each operation in one transaction, with who and why in the history (R-22).
//!
//! The record is changed first, by legal edges only; then the side rows of the task are rebuilt from it, in the same
//! transaction. So an operation never has to know what the line, the counters and the claims look like: a claim on a step
//! that was called off is void because the rebuild finds the step cancelled.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::json;
use serde_json::value::RawValue;
use sqlx::{FromRow, Postgres, Transaction};
use tasker_domain::operation::{Refused, StepOperation, TaskOperation, Way};
use tasker_domain::state::{StepState, TaskState};

use super::{Ledger, LedgerError};
use crate::rebuild::{Rebuilt, lock, rebuild_locked};

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

#[derive(FromRow)]
struct TaskRow {
    task_id: i64,
    state: String,
    ours: bool,
    paused: bool,
}

#[derive(FromRow)]
struct StepRow {
    task_id: i64,
    step_id: i64,
    state: String,
    attempts: i32,
    retry_limit: i32,
    retryable: bool,
    blocked: bool,
}

/// What an operation writes, gathered before anything is written.
#[derive(Default)]
struct Plan {
    task_moves: BTreeMap<i64, (TaskState, Vec<TaskState>)>,
    step_moves: BTreeMap<i64, (StepState, Vec<StepState>)>,
    writes: Vec<StepWrite>,
    uncomplete: Vec<i64>,
    pause: Vec<i64>,
    resume: Vec<i64>,
    priority: Vec<i64>,
}

struct StepWrite {
    step_id: i64,
    done: bool,
    results: Option<String>,
    cut_short: bool,
    allowed: Option<i32>,
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
            let (plan, answers, mut transaction) = self
                .planned(batch, |tasks, steps| {
                    let mut plan = Plan::default();
                    let answers = tasks
                        .iter()
                        .map(|task| Ok((task.task_id, plan.change_task(task, steps, change)?)))
                        .collect::<Result<Vec<_>, LedgerError>>()?;
                    Ok((plan, answers))
                })
                .await?;
            if !by.dry_run {
                let priority = match change {
                    TaskChange::Priority(points) => Some(points),
                    _ => None,
                };
                plan.carry_out(&mut transaction, batch, by, priority, word(change)).await?;
                transaction.commit().await?;
            }
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
        let task: Option<(i64, i64)> = sqlx::query_as(include_str!("../../sql/operations/tasks_of_steps.sql"))
            .bind(vec![step_id])
            .fetch_optional(&self.pool)
            .await?;
        let Some((_, task_id)) = task else {
            return Ok(Operated::Unknown);
        };
        let (plan, answer, mut transaction) = self
            .planned(&[task_id], |tasks, steps| {
                let mut plan = Plan::default();
                let step = steps.iter().find(|step| step.step_id == step_id);
                let answer = match (tasks.first(), step) {
                    (Some(task), Some(step)) => plan.change_step(task, step, change)?,
                    _ => Operated::Unknown,
                };
                Ok((plan, answer))
            })
            .await?;
        if !by.dry_run && matches!(answer, Operated::Done { .. }) {
            plan.carry_out(&mut transaction, &[task_id], by, None, step_word(change)).await?;
            transaction.commit().await?;
        }
        Ok(answer)
    }

    /// Pauses a queue or a task type (`namespace/name`): nothing of it is claimed until it is resumed. Returns false
    /// when it was paused already.
    pub async fn pause(&self, what: Paused<'_>, by: Operator<'_>) -> Result<bool, LedgerError> {
        let (scope, name) = what.parts();
        Ok(sqlx::query_scalar(include_str!("../../sql/operations/pause.sql"))
            .bind(scope)
            .bind(name)
            .bind(by.actor)
            .bind(by.reason)
            .fetch_one(&self.pool)
            .await?)
    }

    /// Lets a queue or a task type go on. Returns false when it was not paused.
    pub async fn resume(&self, what: Paused<'_>) -> Result<bool, LedgerError> {
        let (scope, name) = what.parts();
        let (changed, _): (bool, Option<String>) = sqlx::query_as(include_str!("../../sql/operations/resume.sql"))
            .bind(scope)
            .bind(name)
            .fetch_one(&self.pool)
            .await?;
        Ok(changed)
    }

    /// Tasks whose deadline has passed and that have not ended, at most this many.
    pub async fn passed_deadlines(&self, most: i64, now: Option<NaiveDateTime>) -> Result<Vec<i64>, LedgerError> {
        Ok(sqlx::query_scalar(include_str!("../../sql/operations/passed_deadlines.sql"))
            .bind(most)
            .bind(now.map(|instant| instant.and_utc()))
            .fetch_all(&self.pool)
            .await?)
    }

    /// Locks the side rows of these tasks, reads their states and lets `plan` decide.
    async fn planned<A>(
        &self,
        task_ids: &[i64],
        plan: impl Fn(&[TaskRow], &[StepRow]) -> Result<(Plan, A), LedgerError>,
    ) -> Result<(Plan, A, Transaction<'static, Postgres>), LedgerError> {
        let mut busy = Vec::new();
        for round in 0..ROUNDS {
            if round > 0 {
                let pause = include_str!("../../sql/maintenance/reindex_pause.sql");
                sqlx::query(pause).persistent(false).execute(&self.pool).await?;
            }
            let mut transaction = self.pool.begin().await?;
            sqlx::raw_sql(
                "SET LOCAL statement_timeout = 0; SET LOCAL jit = off; SET LOCAL TimeZone = 'UTC'; SET LOCAL search_path = public, pg_temp",
            )
            .execute(&mut *transaction)
            .await?;
            let tasks: Vec<TaskRow> = sqlx::query_as(include_str!("../../sql/operations/states.sql"))
                .bind(task_ids)
                .fetch_all(&mut *transaction)
                .await?;
            let ours: Vec<i64> = tasks.iter().filter(|task| task.ours).map(|task| task.task_id).collect();
            let free = lock(&mut transaction, &ours).await?;
            if free.len() < ours.len() {
                busy = ours.into_iter().filter(|task_id| free.binary_search(task_id).is_err()).collect();
                continue;
            }
            // Read again what may have changed before the locks were held.
            let tasks: Vec<TaskRow> = sqlx::query_as(include_str!("../../sql/operations/states.sql"))
                .bind(task_ids)
                .fetch_all(&mut *transaction)
                .await?;
            let steps: Vec<StepRow> = sqlx::query_as(include_str!("../../sql/operations/step_states.sql"))
                .bind(task_ids)
                .fetch_all(&mut *transaction)
                .await?;
            let (plan, answers) = plan(&tasks, &steps)?;
            return Ok((plan, answers, transaction));
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
    fn parts(self) -> (&'static str, &'a str) {
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

fn state<S: std::str::FromStr>(word: &str) -> Result<S, LedgerError>
where
    S::Err: std::fmt::Display,
{
    word.parse().map_err(|error: S::Err| LedgerError::Inconsistent(error.to_string()))
}

fn refused<S: std::fmt::Display, O: std::fmt::Display>(refusal: &Refused<S, O>) -> Operated {
    Operated::Refused(refusal.to_string())
}

impl Plan {
    fn change_task(&mut self, task: &TaskRow, steps: &[StepRow], change: TaskChange) -> Result<Operated, LedgerError> {
        let now: TaskState = state(&task.state)?;
        let id = task.task_id;
        if !task.ours && !matches!(change, TaskChange::Operation(_)) {
            return Ok(Operated::Refused(format!(
                "task {id} was made by another program and has no side rows: a worker has to adopt it first"
            )));
        }
        let operation = match change {
            TaskChange::Operation(operation) => operation,
            _ if now.is_at_rest() => {
                return Ok(Operated::Refused(format!("the task is {now}: nothing of it will be claimed any more")));
            }
            TaskChange::Pause if task.paused => return Ok(Operated::AlreadySo),
            TaskChange::Resume if !task.paused => return Ok(Operated::AlreadySo),
            TaskChange::Pause => {
                self.pause.push(id);
                return Ok(done(now, now));
            }
            TaskChange::Resume => {
                self.resume.push(id);
                return Ok(done(now, now));
            }
            TaskChange::Priority(_) => {
                self.priority.push(id);
                return Ok(done(now, now));
            }
        };
        let path = match operation.on(now) {
            Ok(Way::Through(path)) => path,
            Ok(Way::AlreadySo) => return Ok(Operated::AlreadySo),
            Err(refusal) => return Ok(refused(&refusal)),
        };
        self.task_moves.insert(id, (now, path.to_vec()));
        if now == TaskState::Complete {
            self.uncomplete.push(id);
        }
        for step in steps.iter().filter(|step| step.task_id == id) {
            match operation {
                TaskOperation::Cancel => self.cancel(step)?,
                TaskOperation::Retry if step.state == "error" => self.retry(step, 1)?,
                TaskOperation::Retry | TaskOperation::Resolve => {}
            }
        }
        Ok(done(now, path.last().copied().unwrap_or(now)))
    }

    fn change_step(&mut self, task: &TaskRow, step: &StepRow, change: &StepChange) -> Result<Operated, LedgerError> {
        let of_task: TaskState = state(&task.state)?;
        let now: StepState = state(&step.state)?;
        let Some(operation) = change.operation() else {
            return self.limit(task, of_task, step, now, change);
        };
        let path = match operation.on(now) {
            Ok(Way::Through(path)) => path,
            Ok(Way::AlreadySo) => return Ok(Operated::AlreadySo),
            Err(refusal) => return Ok(refused(&refusal)),
        };
        if of_task.is_at_rest() && of_task != TaskState::Error {
            return Ok(Operated::Refused(format!(
                "cannot {operation} a step of a task that is {of_task}: it does nothing more"
            )));
        }
        if step.blocked && path.contains(&StepState::InProgress) {
            return Ok(Operated::Refused(format!(
                "cannot {operation} a step whose parents have not ended well: end them first, or resolve the step"
            )));
        }
        match change {
            StepChange::Cancel => self.cancel(step)?,
            StepChange::Retry { attempts } => self.retry(step, *attempts)?,
            StepChange::Resolve => {
                self.step_moves.insert(step.step_id, (now, path.to_vec()));
            }
            StepChange::Complete { .. } | StepChange::Bypass => {
                self.step_moves.insert(step.step_id, (now, path.to_vec()));
                let results = match change {
                    StepChange::Complete { results } => results.get().to_owned(),
                    _ => r#"{"bypassed": true}"#.to_owned(),
                };
                self.writes.push(StepWrite {
                    step_id: step.step_id,
                    done: true,
                    results: Some(results),
                    cut_short: now == StepState::InProgress,
                    allowed: None,
                });
            }
            StepChange::Limit { .. } => {}
        }
        if of_task == TaskState::Error && operation.sends_task_on() {
            self.task_moves.insert(task.task_id, (of_task, vec![TaskState::Pending]));
        }
        Ok(done(now, path.last().copied().unwrap_or(now)))
    }

    fn limit(
        &mut self,
        task: &TaskRow,
        of_task: TaskState,
        step: &StepRow,
        now: StepState,
        change: &StepChange,
    ) -> Result<Operated, LedgerError> {
        let StepChange::Limit { attempts } = change else {
            return Err(LedgerError::Inconsistent("only a limit has no operation of the state machine".to_owned()));
        };
        let allowed = i32::try_from(*attempts).unwrap_or(i32::MAX).max(1);
        if now.is_terminal() || of_task.is_at_rest() && of_task != TaskState::Error {
            return Ok(Operated::Refused(format!("the step is {now} and its task {of_task}: it is not tried again")));
        }
        if step.retryable && step.retry_limit == allowed {
            return Ok(Operated::AlreadySo);
        }
        self.writes.push(StepWrite {
            step_id: step.step_id,
            done: false,
            results: None,
            cut_short: false,
            allowed: Some(allowed),
        });
        if of_task == TaskState::Error && now == StepState::Error && allowed > step.attempts {
            self.task_moves.insert(task.task_id, (of_task, vec![TaskState::Pending]));
        }
        Ok(done(now, now))
    }

    fn cancel(&mut self, step: &StepRow) -> Result<(), LedgerError> {
        let now: StepState = state(&step.state)?;
        if let Ok(Way::Through(path)) = StepOperation::Cancel.on(now) {
            self.step_moves.insert(step.step_id, (now, path.to_vec()));
            self.writes.push(StepWrite {
                step_id: step.step_id,
                done: false,
                results: None,
                cut_short: now == StepState::InProgress,
                allowed: None,
            });
        }
        Ok(())
    }

    fn retry(&mut self, step: &StepRow, attempts: u32) -> Result<(), LedgerError> {
        let now: StepState = state(&step.state)?;
        let needed = step.attempts.saturating_add(i32::try_from(attempts.max(1)).unwrap_or(i32::MAX));
        self.step_moves.insert(step.step_id, (now, vec![StepState::Pending]));
        self.writes.push(StepWrite {
            step_id: step.step_id,
            done: false,
            results: None,
            cut_short: false,
            allowed: Some(step.retry_limit.max(needed)),
        });
        Ok(())
    }

    async fn carry_out(
        self,
        transaction: &mut Transaction<'static, Postgres>,
        task_ids: &[i64],
        by: Operator<'_>,
        priority: Option<i32>,
        word: &str,
    ) -> Result<(), LedgerError> {
        let metadata = json!({ "actor": by.actor, "reason": by.reason, "operation": word });
        // One instant for everything that one operation writes, read while its tasks are locked (R-24).
        let now = match by.now {
            Some(now) => Some(now),
            None => {
                let now = include_str!("../../sql/operations/now.sql");
                let now: DateTime<Utc> = sqlx::query_scalar(now).fetch_one(&mut **transaction).await?;
                Some(now.naive_utc())
            }
        };
        if !self.writes.is_empty() {
            sqlx::query(include_str!("../../sql/operations/write_steps.sql"))
                .bind(self.writes.iter().map(|write| write.step_id).collect::<Vec<_>>())
                .bind(self.writes.iter().map(|write| write.done).collect::<Vec<_>>())
                .bind(self.writes.iter().map(|write| write.results.clone()).collect::<Vec<Option<String>>>())
                .bind(self.writes.iter().map(|write| write.cut_short).collect::<Vec<_>>())
                .bind(self.writes.iter().map(|write| write.allowed).collect::<Vec<_>>())
                .bind(now)
                .execute(&mut **transaction)
                .await?;
        }
        let (ids, from, paths) = columns(&self.step_moves);
        if !ids.is_empty() {
            sqlx::query(include_str!("../../sql/operations/move_steps.sql"))
                .bind(ids)
                .bind(from)
                .bind(paths)
                .bind(&metadata)
                .bind(now)
                .execute(&mut **transaction)
                .await?;
        }
        let (ids, from, paths) = columns(&self.task_moves);
        if !ids.is_empty() {
            sqlx::query(include_str!("../../sql/operations/move_tasks.sql"))
                .bind(ids)
                .bind(from)
                .bind(paths)
                .bind(&metadata)
                .bind(now)
                .execute(&mut **transaction)
                .await?;
        }
        if !self.uncomplete.is_empty() {
            sqlx::query(include_str!("../../sql/operations/uncomplete.sql"))
                .bind(&self.uncomplete)
                .bind(now)
                .execute(&mut **transaction)
                .await?;
        }
        let paused = json!({ "actor": by.actor, "reason": by.reason });
        for (tasks, value) in [(&self.pause, Some(&paused)), (&self.resume, None)] {
            if !tasks.is_empty() {
                sqlx::query(include_str!("../../sql/operations/pause_tasks.sql"))
                    .bind(tasks)
                    .bind(value)
                    .execute(&mut **transaction)
                    .await?;
            }
        }
        if let Some(points) = priority {
            sqlx::query(include_str!("../../sql/operations/prioritise_tasks.sql"))
                .bind(&self.priority)
                .bind(points)
                .execute(&mut **transaction)
                .await?;
        }
        let rebuilt = rebuild_locked(transaction, task_ids).await?;
        let stalled: Vec<i64> =
            rebuilt.iter().filter(|task: &&Rebuilt| task.stalled && !task.unfit).map(|task| task.task_id).collect();
        if !stalled.is_empty() {
            sqlx::query(include_str!("../../sql/operations/settle_stalled.sql"))
                .bind(&stalled)
                .bind(&metadata)
                .bind(now)
                .fetch_all(&mut **transaction)
                .await?;
        }
        Ok(())
    }
}

fn done<S: ToString>(from: S, to: S) -> Operated {
    Operated::Done { from: from.to_string(), to: to.to_string() }
}

fn columns<S: ToString>(moves: &BTreeMap<i64, (S, Vec<S>)>) -> (Vec<i64>, Vec<String>, Vec<String>) {
    let mut all = (Vec::new(), Vec::new(), Vec::new());
    for (id, (from, path)) in moves {
        all.0.push(*id);
        all.1.push(from.to_string());
        all.2.push(path.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    }
    all
}
