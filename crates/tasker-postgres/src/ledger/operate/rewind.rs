//! Rewinding an ended task: a new one takes over what ended well and does the rest anew from a step on.

use std::collections::HashMap;

use serde_json::json;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgConnection, Postgres, Transaction};
use tasker_domain::graph::Graph;
use tasker_domain::problem::{instead, quoted};
use tasker_domain::rewind::{self, Part};
use tasker_domain::state::{StepState, TaskState};

use super::log::Entry;
use super::plan::state as word;
use super::{Operator, ROUNDS, log};
use crate::ledger::{DefinitionId, Ledger, LedgerError};
use crate::rebuild::{begin_patient, lock, rebuild_locked};

/// From where an ended task is done anew.
#[derive(Debug, Clone, Copy)]
pub struct Rewind<'a> {
    /// Name of the step: it and everything after it is done anew.
    pub from: &'a str,
    /// The context of the new task, checked and with defaults; that of the old one where none is given.
    pub context: Option<&'a RawValue>,
    /// Tells apart what is otherwise the same: the same task, step, context and key always lead to the same new task.
    pub key: Option<&'a str>,
}

/// What became of a rewind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewound {
    /// A new task was made; nothing of the old one was changed.
    Done {
        /// Id of the new task; nothing where it was only asked what would happen.
        task_id: Option<i64>,
        /// Names of the steps whose end was taken over, in the order in which they were made.
        taken_over: Vec<String>,
        /// Names of the steps that are done anew.
        anew: Vec<String>,
    },
    /// The same was asked for before; this is the task that was made then.
    AlreadySo {
        /// Id of the new task.
        task_id: i64,
    },
    /// It is not legal; the sentence says what is.
    Refused(String),
    /// There is no task of this id.
    Unknown,
}

#[derive(FromRow)]
struct SourceRow {
    state: String,
    ours: bool,
    definition_id: Option<i64>,
    bypass_steps: Option<String>,
    made_before: Option<i64>,
}

#[derive(FromRow)]
struct RewindStepRow {
    step_id: i64,
    name: String,
    state: String,
}

/// What is to be made, decided before anything is written.
struct Planned {
    definition_id: DefinitionId,
    step_ids: Vec<i64>,
    parts: Vec<Part>,
    /// Place of each step, parents first.
    order: Vec<i32>,
    names: Vec<String>,
    /// A JSON list of the steps that are passed over.
    bypass_steps: String,
}

impl Ledger {
    /// The content by which a task can be done anew: what it was made from, or, if another program made it, what its type
    /// is now, as far as its steps fit. Nothing where it fits no content, or there is no such task.
    pub async fn rewind_definition(&self, task_id: i64) -> Result<Option<DefinitionId>, LedgerError> {
        let row: Option<(Option<i64>,)> = sqlx::query_as(include_str!("../../../sql/operations/rewind_definition.sql"))
            .bind(task_id)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.and_then(|(definition_id,)| definition_id))
    }

    /// Makes a new task that takes over what of this one has ended well, and does it anew from a step on.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] when others worked on the task at every try.
    pub async fn rewind(&self, task_id: i64, to: Rewind<'_>, by: Operator<'_>) -> Result<Rewound, LedgerError> {
        let identity = identity(task_id, to);
        let mut connection = self.pool.acquire().await?;
        for round in 0..ROUNDS {
            if round > 0 {
                let pause = include_str!("../../../sql/maintenance/reindex_pause.sql");
                sqlx::query(pause).persistent(false).execute(&mut *connection).await?;
            }
            let mut transaction = begin_patient(&mut connection).await?;
            match tried(&mut transaction, task_id, to, &identity, by).await? {
                Tried::Made(rewound) => {
                    transaction.commit().await?;
                    return Ok(rewound);
                }
                // The locks are given back before the answer: a worker that came after it would pass over them.
                Tried::Nothing(rewound) => {
                    transaction.rollback().await?;
                    return Ok(rewound);
                }
                Tried::Busy => transaction.rollback().await?,
            }
        }
        Err(LedgerError::Busy(vec![task_id]))
    }
}

/// What came of one try.
enum Tried {
    /// A task was made.
    Made(Rewound),
    /// Nothing is to be written.
    Nothing(Rewound),
    /// Others are at work on the task, or made the new one in the same moment: the next try finds out.
    Busy,
}

async fn tried(
    transaction: &mut Transaction<'_, Postgres>,
    task_id: i64,
    to: Rewind<'_>,
    identity: &str,
    by: Operator<'_>,
) -> Result<Tried, LedgerError> {
    let Some(seen) = source(transaction, task_id, identity).await? else {
        return Ok(Tried::Nothing(Rewound::Unknown));
    };
    if seen.ours && lock(transaction, &[task_id]).await?.is_empty() {
        return Ok(Tried::Busy);
    }
    // Read again what may have changed before the locks were held.
    let Some(source) = source(transaction, task_id, identity).await? else {
        return Ok(Tried::Nothing(Rewound::Unknown));
    };
    if let Some(task_id) = source.made_before {
        return Ok(Tried::Nothing(Rewound::AlreadySo { task_id }));
    }
    let planned = match planned(transaction, task_id, &source, to.from).await? {
        Ok(planned) => planned,
        Err(refusal) => return Ok(Tried::Nothing(Rewound::Refused(refusal))),
    };
    if by.dry_run {
        return Ok(Tried::Nothing(told(None, planned)));
    }
    Ok(match make(transaction, task_id, to, &planned, identity, by).await? {
        Made::Task(new_task) => Tried::Made(told(Some(new_task), planned)),
        Made::Elsewhere => Tried::Busy,
        Made::Unfit => Tried::Nothing(Rewound::Refused(unfit(task_id))),
    })
}

fn told(task_id: Option<i64>, planned: Planned) -> Rewound {
    let (mut taken_over, mut anew) = (Vec::new(), Vec::new());
    for (name, part) in planned.names.into_iter().zip(planned.parts) {
        if part.is_taken_over() { &mut taken_over } else { &mut anew }.push(name);
    }
    Rewound::Done { task_id, taken_over, anew }
}

/// The identity of the new task: a digest of everything that was asked for.
fn identity(task_id: i64, to: Rewind<'_>) -> String {
    let asked = json!([task_id, to.from, to.context.map(RawValue::get), to.key]);
    let digest: String = Sha256::digest(asked.to_string()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("rewind-{digest}")
}

async fn source(connection: &mut PgConnection, task_id: i64, identity: &str) -> Result<Option<SourceRow>, sqlx::Error> {
    sqlx::query_as(include_str!("../../../sql/operations/rewind_source.sql"))
        .bind(task_id)
        .bind(identity)
        .fetch_optional(connection)
        .await
}

/// What is to be made, or why it cannot be.
async fn planned(
    connection: &mut PgConnection,
    task_id: i64,
    source: &SourceRow,
    from: &str,
) -> Result<Result<Planned, String>, LedgerError> {
    let state: TaskState = word(&source.state)?;
    if let Err(refusal) = rewind::check(state) {
        return Ok(Err(refusal.to_string()));
    }
    let Some(definition_id) = source.definition_id else {
        return Ok(Err(unfit(task_id)));
    };
    let rows: Vec<RewindStepRow> = sqlx::query_as(include_str!("../../../sql/operations/rewind_steps.sql"))
        .bind(task_id)
        .fetch_all(&mut *connection)
        .await?;
    let Some(start) = rows.iter().position(|row| row.name == from) else {
        let hint = instead(from, rows.iter().map(|row| row.name.as_str()));
        return Ok(Err(format!("task {task_id} has no step {}; {hint}", quoted(from))));
    };
    let states = rows.iter().map(|row| word(&row.state)).collect::<Result<Vec<StepState>, _>>()?;
    if let Some(place) = states.iter().position(|state| *state == StepState::InProgress) {
        return Ok(Err(format!(
            "cannot rewind a task whose step {} is still in_progress: let it end, or cancel it",
            rows[place].name
        )));
    }
    let edges: Vec<(i64, i64)> = sqlx::query_as(include_str!("../../../sql/operations/rewind_edges.sql"))
        .bind(task_id)
        .fetch_all(&mut *connection)
        .await?;
    let places: HashMap<i64, usize> = rows.iter().enumerate().map(|(place, row)| (row.step_id, place)).collect();
    let edges: Option<Vec<(usize, usize)>> =
        edges.iter().map(|(parent, child)| Some((*places.get(parent)?, *places.get(child)?))).collect();
    let Some(graph) = edges.and_then(|edges| Graph::new(rows.len(), &edges).ok()) else {
        return Ok(Err(unfit(task_id)));
    };
    let bypass_steps = match bypass_steps(source, from) {
        Ok(names) => names,
        Err(error) => {
            return Ok(Err(format!(
                "cannot tell which steps task {task_id} passes over: its bypass_steps are no list of step names ({error}); correct them first"
            )));
        }
    };
    let mut order = vec![0; rows.len()];
    for (place, &step) in (0..).zip(graph.topological_order()) {
        order[step] = place;
    }
    Ok(Ok(Planned {
        definition_id,
        step_ids: rows.iter().map(|row| row.step_id).collect(),
        parts: rewind::parts(&graph, start, &states),
        order,
        names: rows.into_iter().map(|row| row.name).collect(),
        bypass_steps,
    }))
}

/// What the request for the old task passes over is passed over again, but for the step that is named: who names it wants
/// it done. An error where the request's list cannot be read, which another program may have written.
fn bypass_steps(source: &SourceRow, from: &str) -> Result<String, serde_json::Error> {
    let names = match source.bypass_steps.as_deref() {
        Some(text) => serde_json::from_str::<Option<Vec<String>>>(text)?.unwrap_or_default(),
        None => Vec::new(),
    };
    Ok(json!(names.into_iter().filter(|name| name != from).collect::<Vec<_>>()).to_string())
}

enum Made {
    Task(i64),
    /// Another made it in the same moment: the next look finds it.
    Elsewhere,
    /// Steps and edges are not those of the definition.
    Unfit,
}

async fn make(
    transaction: &mut Transaction<'_, Postgres>,
    task_id: i64,
    to: Rewind<'_>,
    planned: &Planned,
    identity: &str,
    by: Operator<'_>,
) -> Result<Made, LedgerError> {
    let made: Option<(i64, Option<String>)> = sqlx::query_as(include_str!("../../../sql/operations/rewind.sql"))
        .bind(task_id)
        .bind(planned.definition_id)
        .bind(identity)
        .bind(to.context.map(RawValue::get))
        .bind(by.actor)
        .bind(format!("rewind of task {task_id} from {}: {}", to.from, by.reason))
        .bind(&planned.step_ids)
        .bind(planned.parts.iter().map(|part| part.as_str()).collect::<Vec<_>>())
        .bind(&planned.order)
        .bind(json!({ "actor": by.actor, "reason": by.reason, "operation": "rewind" }))
        .bind(by.now)
        .bind(&planned.bypass_steps)
        .bind(json!({ "task_id": task_id, "step": to.from }))
        .persistent(false)
        .fetch_optional(&mut **transaction)
        .await?;
    let Some((new_task, _)) = made else {
        return Ok(Made::Elsewhere);
    };
    log::write(&mut *transaction, &[Entry::rewind(task_id, new_task, to.from)], by, by.now).await?;
    let rebuilt = rebuild_locked(transaction, &[new_task]).await?;
    if rebuilt.iter().any(|task| task.unfit) {
        return Ok(Made::Unfit);
    }
    Ok(Made::Task(new_task))
}

fn unfit(task_id: i64) -> String {
    format!("the steps of task {task_id} are not those of any definition that is registered for its type")
}
