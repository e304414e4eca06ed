//! The facts from which [`tasker_domain::why`] tells why a task or step does not go on.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;
use tasker_domain::why::{HolderFacts, OpenParent, PausedBy, StepFacts, TaskFacts};

use super::{Ledger, LedgerError};

/// How far it is counted who stands before a step.
const COUNT_TO: i64 = 10_000;

/// A task and its steps that have not ended well, as far as it matters for why they wait.
#[derive(Debug, Clone)]
pub struct WhyFacts {
    /// Id of the task.
    pub task_id: i64,
    /// `namespace/name version` of its type.
    pub type_name: String,
    /// About the task.
    pub task: TaskFacts,
    /// It is cancelled if it has not ended by this instant (UTC).
    pub deadline: Option<NaiveDateTime>,
    /// Metadata of the newest row of its history.
    pub newest: Option<Value>,
    /// The database's present instant (UTC).
    pub now: NaiveDateTime,
    /// Its steps that have not ended well: id, name, facts.
    pub steps: Vec<(i64, String, StepFacts)>,
    /// The instants (UTC) after which open steps are dead, by their ids.
    pub step_deadlines: BTreeMap<i64, NaiveDateTime>,
}

impl Ledger {
    /// Reads what there is to know about why a task does not go on; nothing when there is no such task.
    pub async fn why_facts(&self, task_id: i64) -> Result<Option<WhyFacts>, LedgerError> {
        let Some(row) =
            sqlx::query(include_str!("../../sql/ledger/why_task.sql")).bind(task_id).fetch_optional(&self.pool).await?
        else {
            return Ok(None);
        };
        let rows = sqlx::query(include_str!("../../sql/ledger/why_steps.sql"))
            .bind(task_id)
            .bind(COUNT_TO)
            .fetch_all(&self.pool)
            .await?;
        let steps = rows
            .iter()
            .map(|step| Ok((step.try_get("step_id")?, step.try_get("name")?, step_facts(step)?)))
            .collect::<Result<_, LedgerError>>()?;
        let mut step_deadlines = BTreeMap::new();
        for step in &rows {
            if let Some(deadline) = instant(step, "deadline")? {
                step_deadlines.insert(step.try_get("step_id")?, deadline);
            }
        }
        let paused: Option<Value> = row.try_get("paused")?;
        let (namespace, name, version): (String, String, String) =
            (row.try_get("namespace")?, row.try_get("name")?, row.try_get("version")?);
        Ok(Some(WhyFacts {
            task_id,
            type_name: format!("{namespace}/{name} {version}"),
            task: TaskFacts {
                state: state(&row, "state")?,
                ours: row.try_get("ours")?,
                reserved: row.try_get("reserved")?,
                adopted: row.try_get("adopted")?,
                fits: row.try_get("fits")?,
                halted: row.try_get("halted")?,
                template: format!("{namespace}/{name} {version}"),
                paused: paused.as_ref().map(paused_by),
            },
            deadline: instant(&row, "deadline")?,
            newest: row.try_get("newest")?,
            now: row.try_get::<DateTime<Utc>, _>("now")?.naive_utc(),
            steps,
            step_deadlines,
        }))
    }

    /// The task of a step; nothing when there is no such step.
    pub async fn task_of_step(&self, step_id: i64) -> Result<Option<i64>, LedgerError> {
        let found: Option<(i64, i64)> = sqlx::query_as(include_str!("../../sql/operations/tasks_of_steps.sql"))
            .bind(vec![step_id])
            .fetch_optional(&self.pool)
            .await?;
        Ok(found.map(|(_, task_id)| task_id))
    }
}

fn step_facts(row: &PgRow) -> Result<StepFacts, LedgerError> {
    let worker: Option<i32> = row.try_get("owner")?;
    let paused: Option<Value> = row.try_get("paused")?;
    let parents: Value = row.try_get("parents")?;
    let count = |column: &str| Ok::<_, LedgerError>(row.try_get::<i32, _>(column)?.unsigned_abs());
    let retryable: bool = row.try_get("retryable")?;
    let in_line: bool = row.try_get("in_line")?;
    Ok(StepFacts {
        state: state(row, "state")?,
        error: row.try_get("error")?,
        attempts: count("attempts")?,
        attempts_allowed: if retryable { count("retry_limit")?.max(1) } else { 1 },
        retryable,
        queued: row.try_get("queued")?,
        dead: row.try_get("dead")?,
        expired: row.try_get("expired")?,
        parents: serde_json::from_value::<Vec<OpenParent>>(parents)
            .map_err(|error| LedgerError::Inconsistent(format!("a parent's state cannot be read: {error}")))?,
        holder: match worker {
            Some(id) => Some(HolderFacts {
                worker: row.try_get::<Option<String>, _>("worker")?.unwrap_or_else(|| format!("worker {id}")),
                lives: row.try_get("worker_lives")?,
                lease_until: instant(row, "lease_until")?,
            }),
            None => None,
        },
        wakes_at: instant(row, "wakes_at")?,
        is_due: row.try_get::<Option<bool>, _>("is_due")?.unwrap_or(false),
        in_line: in_line.then_some(row.try_get::<i64, _>("before")?.unsigned_abs()),
        queue: row.try_get("queue")?,
        handler: row.try_get("handler")?,
        queue_served: row.try_get("queue_served")?,
        handler_served: row.try_get("handler_served")?,
        lane_served: row.try_get("lane_served")?,
        paused: paused.map(|paused| (text(&paused, "scope"), text(&paused, "name"), paused_by(&paused))),
    })
}

pub(super) fn paused_by(value: &Value) -> PausedBy {
    PausedBy { actor: text(value, "actor"), reason: text(value, "reason") }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(super) fn state<S: std::str::FromStr>(row: &PgRow, column: &str) -> Result<S, LedgerError>
where
    S::Err: std::fmt::Display,
{
    let word: String = row.try_get(column)?;
    word.parse().map_err(|error: S::Err| LedgerError::Inconsistent(error.to_string()))
}

pub(super) fn instant(row: &PgRow, column: &str) -> Result<Option<NaiveDateTime>, LedgerError> {
    Ok(row.try_get::<Option<DateTime<Utc>>, _>(column)?.map(|at| at.naive_utc()))
}
