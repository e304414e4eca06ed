//! What a person asks about: tasks in lists and in full, their history, the workers, queues and task types.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;
use tasker_domain::state::{StepState, TaskState};
use tasker_domain::why::PausedBy;

use super::task::raw;
use super::why::{instant, paused_by, state};
use super::{Ledger, LedgerError};

/// Steps of each worker that are named.
const STEPS_NAMED: i64 = 10;

/// A task as one line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskLine {
    /// Id of the task.
    pub task_id: i64,
    /// Namespace of its type.
    pub namespace: String,
    /// Name of its type.
    pub name: String,
    /// Version of its type.
    pub version: String,
    /// Its state.
    pub state: TaskState,
    /// Since when (UTC) it is in it.
    pub since: NaiveDateTime,
    /// When (UTC) it was asked for.
    pub requested_at: NaiveDateTime,
    /// Whether it is paused itself; its queue or type may be paused besides.
    pub paused: bool,
    /// How many steps it has.
    pub steps: i64,
    /// How many of them have ended well.
    pub ended_well: i64,
}

/// What stands about a task beside its steps and its history.
#[derive(Debug, Clone, Serialize)]
pub struct TaskDetail {
    /// When (UTC) it was asked for.
    pub requested_at: NaiveDateTime,
    /// Who asked for it.
    pub initiator: Option<String>,
    /// From where.
    pub source_system: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Words to find it by.
    pub tags: Option<Value>,
    /// Names of the steps that are passed over, as they were written.
    pub bypass_steps: Option<Value>,
    /// Its context, exact.
    pub context: Option<Box<RawValue>>,
    /// Its identity.
    pub identity_hash: String,
    /// Whether the engine has side rows for it.
    pub ours: bool,
    /// Whether only who names the task works it.
    pub reserved: bool,
    /// None of its steps starts before this instant (UTC).
    pub not_before: Option<NaiveDateTime>,
    /// It is cancelled if it has not ended by this instant (UTC).
    pub deadline: Option<NaiveDateTime>,
    /// Points that are added to the priority of its steps.
    pub priority: i32,
    /// Who paused it.
    pub paused: Option<PausedBy>,
    /// The task whose finished part it took over (`task_id`), the step from which it does that one anew (`step`), by whom
    /// (`actor`) and why (`reason`).
    pub rewound_from: Option<Value>,
}

/// One row of the history of a task or of one of its steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Move {
    /// Id of the row in its table.
    pub transition_id: i64,
    /// The step; nothing for a move of the task itself.
    pub step_id: Option<i64>,
    /// Name of the step.
    pub step: Option<String>,
    /// The state before, as it was written.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// What was written along with it.
    pub metadata: Option<Value>,
    /// When (UTC).
    pub at: NaiveDateTime,
    /// Its place among the rows of the same task or step.
    pub sort_key: i32,
}

/// What stands about a step.
#[derive(Debug, Clone, Serialize)]
pub struct StepDetail {
    /// Id of the step.
    pub step_id: i64,
    /// Id of its task.
    pub task_id: i64,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: StepState,
    /// Since when (UTC) it is in it.
    pub since: NaiveDateTime,
    /// Attempts so far.
    pub attempts: u32,
    /// Attempts in all, where it may be tried again.
    pub retry_limit: u32,
    /// Whether it may be tried again.
    pub retryable: bool,
    /// When (UTC) its last attempt ended.
    pub last_attempted_at: Option<NaiveDateTime>,
    /// Its queue; nothing where another program made its task and nobody has adopted it.
    pub queue: Option<String>,
    /// Its handler, likewise.
    pub handler: Option<String>,
    /// How many seconds all its attempts and waits may take together, if its definition says so.
    pub deadline_seconds: Option<f64>,
    /// The instant (UTC) after which it is dead, while it is open and its parents have ended.
    pub deadline: Option<NaiveDateTime>,
    /// Whether that instant has passed: the next worker that looks ends the step.
    pub deadline_passed: bool,
    /// Names of the steps that it waits for.
    pub parents: Vec<String>,
    /// Names of the steps that wait for it.
    pub children: Vec<String>,
    /// What it left, or what went wrong; exact.
    pub results: Box<RawValue>,
}

/// A step that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedClaim {
    /// Id of the task.
    pub task_id: i64,
    /// Id of the step.
    pub step_id: i64,
    /// Its name.
    pub step: String,
}

/// A worker in the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedWorker {
    /// Its number: one for each start.
    pub worker_id: i32,
    /// Its name.
    pub name: String,
    /// Whether it was heard of within its lease and is not declared lost.
    pub alive: bool,
    /// When (UTC) it was started.
    pub started_at: NaiveDateTime,
    /// Seconds since it was last heard of.
    pub seen_seconds_ago: f64,
    /// How many steps it carries out at a time.
    pub concurrency: i32,
    /// The one task that it works, if it works only one.
    pub task_id: Option<i64>,
    /// The queues that it serves; all where nothing is given.
    pub queues: Option<Vec<String>>,
    /// The handlers that it has; any where nothing is given.
    pub handlers: Option<Vec<String>>,
    /// The types of others' tasks that it adopts.
    pub adopts: Vec<String>,
    /// The templates (`namespace/name version`) whose tasks it carries out; all where nothing is given.
    pub templates: Option<Vec<String>>,
    /// How many steps it holds.
    pub holds: i64,
    /// The first ten of them.
    pub held: Vec<NamedClaim>,
}

/// A queue or a task type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Served {
    /// Its name; of a task type `namespace/name`.
    pub name: String,
    /// Steps that stand in line.
    pub in_line: i64,
    /// Steps that wait for an instant.
    pub waiting: i64,
    /// Live workers that carry out any of its steps.
    pub workers: i64,
    /// By whom it is paused.
    pub paused: Option<PausedBy>,
    /// Since when (UTC) it is paused.
    pub paused_at: Option<NaiveDateTime>,
}

/// What is listed by [`Ledger::served`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServedBy {
    /// Queues.
    Queue,
    /// Task types, in all their versions.
    Type,
}

impl Ledger {
    /// The database's present instant (UTC).
    pub async fn now(&self) -> Result<NaiveDateTime, LedgerError> {
        let now: DateTime<Utc> =
            sqlx::query_scalar(include_str!("../../sql/operations/now.sql")).fetch_one(&self.pool).await?;
        Ok(now.naive_utc())
    }

    /// These tasks as lines of a list, in this order; ids of no task are left out.
    pub async fn task_lines(&self, task_ids: &[i64]) -> Result<Vec<TaskLine>, LedgerError> {
        let rows =
            sqlx::query(include_str!("../../sql/ledger/task_lines.sql")).bind(task_ids).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(TaskLine {
                    task_id: row.try_get("task_id")?,
                    namespace: row.try_get("namespace")?,
                    name: row.try_get("name")?,
                    version: row.try_get("version")?,
                    state: state(row, "state")?,
                    since: row.try_get("since")?,
                    requested_at: row.try_get("requested_at")?,
                    paused: row.try_get("paused")?,
                    steps: row.try_get("steps")?,
                    ended_well: row.try_get("ended_well")?,
                })
            })
            .collect()
    }

    /// What stands about a task beside its steps and its history; nothing if there is none of this id.
    pub async fn task_detail(&self, task_id: i64) -> Result<Option<TaskDetail>, LedgerError> {
        let row = sqlx::query(include_str!("../../sql/ledger/task_detail.sql"))
            .bind(task_id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| {
            let paused: Option<Value> = row.try_get("paused")?;
            Ok(TaskDetail {
                requested_at: row.try_get("requested_at")?,
                initiator: row.try_get("initiator")?,
                source_system: row.try_get("source_system")?,
                reason: row.try_get("reason")?,
                tags: row.try_get("tags")?,
                bypass_steps: row.try_get("bypass_steps")?,
                context: row.try_get::<Option<String>, _>("context")?.map(raw).transpose()?,
                identity_hash: row.try_get("identity_hash")?,
                ours: row.try_get("ours")?,
                reserved: row.try_get("reserved")?,
                not_before: instant(&row, "not_before")?,
                deadline: instant(&row, "deadline")?,
                priority: row.try_get("priority")?,
                paused: paused.as_ref().map(paused_by),
                rewound_from: row.try_get("rewound_from")?,
            })
        })
        .transpose()
    }

    /// Every move of a task and of its steps, in the order in which they were made; none where there is no such task.
    pub async fn history(&self, task_id: i64) -> Result<Vec<Move>, LedgerError> {
        let rows =
            sqlx::query(include_str!("../../sql/ledger/history.sql")).bind(task_id).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(Move {
                    transition_id: row.try_get("transition_id")?,
                    step_id: row.try_get("step_id")?,
                    step: row.try_get("step")?,
                    from: row.try_get("from_state")?,
                    to: row.try_get("to_state")?,
                    metadata: row.try_get("metadata")?,
                    at: row.try_get("created_at")?,
                    sort_key: row.try_get("sort_key")?,
                })
            })
            .collect()
    }

    /// What stands about a step; nothing if there is none of this id.
    pub async fn step_detail(&self, step_id: i64) -> Result<Option<StepDetail>, LedgerError> {
        let row = sqlx::query(include_str!("../../sql/ledger/step_detail.sql"))
            .bind(step_id)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(step_detail).transpose()
    }

    /// Ids of the steps of a task that have this name: one, or none.
    pub async fn find_steps(&self, task_id: i64, name: &str) -> Result<Vec<i64>, LedgerError> {
        Ok(sqlx::query_scalar(include_str!("../../sql/ledger/find_step.sql"))
            .bind(task_id)
            .bind(name)
            .fetch_all(&self.pool)
            .await?)
    }

    /// Every worker in the list, dead ones included until somebody takes over what they hold.
    pub async fn workers(&self) -> Result<Vec<ListedWorker>, LedgerError> {
        let rows =
            sqlx::query(include_str!("../../sql/ledger/workers.sql")).bind(STEPS_NAMED).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                let held: Value = row.try_get("held")?;
                Ok(ListedWorker {
                    worker_id: row.try_get("worker_id")?,
                    name: row.try_get("name")?,
                    alive: row.try_get("alive")?,
                    started_at: row.try_get::<DateTime<Utc>, _>("started_at")?.naive_utc(),
                    seen_seconds_ago: row.try_get("seen_seconds_ago")?,
                    concurrency: row.try_get("concurrency")?,
                    task_id: row.try_get("task_id")?,
                    queues: row.try_get("queues")?,
                    handlers: row.try_get("handlers")?,
                    adopts: row.try_get("types")?,
                    templates: row.try_get("templates")?,
                    holds: row.try_get("holds")?,
                    held: serde_json::from_value(held).map_err(|error| {
                        LedgerError::Inconsistent(format!("what a worker holds cannot be read: {error}"))
                    })?,
                })
            })
            .collect()
    }

    /// The queues or task types that there are.
    pub async fn served(&self, by: ServedBy) -> Result<Vec<Served>, LedgerError> {
        let scope = match by {
            ServedBy::Queue => "queue",
            ServedBy::Type => "type",
        };
        let rows =
            sqlx::query(include_str!("../../sql/operations/served.sql")).bind(scope).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                let (actor, reason): (Option<String>, Option<String>) = (row.try_get("actor")?, row.try_get("reason")?);
                Ok(Served {
                    name: row.try_get("name")?,
                    in_line: row.try_get("in_line")?,
                    waiting: row.try_get("waiting")?,
                    workers: row.try_get("workers")?,
                    paused: actor.zip(reason).map(|(actor, reason)| PausedBy { actor, reason }),
                    paused_at: instant(row, "paused_at")?,
                })
            })
            .collect()
    }
}

fn step_detail(row: &PgRow) -> Result<StepDetail, LedgerError> {
    let count = |column: &str| Ok::<_, LedgerError>(row.try_get::<i32, _>(column)?.unsigned_abs());
    Ok(StepDetail {
        step_id: row.try_get("step_id")?,
        task_id: row.try_get("task_id")?,
        name: row.try_get("name")?,
        state: state(row, "state")?,
        since: row.try_get("since")?,
        attempts: count("attempts")?,
        retry_limit: count("retry_limit")?,
        retryable: row.try_get("retryable")?,
        last_attempted_at: row.try_get("last_attempted_at")?,
        queue: row.try_get("queue")?,
        handler: row.try_get("handler")?,
        deadline_seconds: row.try_get("deadline_seconds")?,
        deadline: instant(row, "deadline")?,
        deadline_passed: row.try_get("deadline_passed")?,
        parents: row.try_get("parents")?,
        children: row.try_get("children")?,
        results: raw(row.try_get("results")?)?,
    })
}
