//! The exchange as Rust sees it: outcomes and new tasks in, claims out, one round trip, one commit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, Row};

use super::task::raw;
use super::{DefinitionId, Ledger, LedgerError, WorkerId};

/// How often a call is made that others stand in the way of.
const EXCHANGE_TRIES: u32 = 10;

/// How long the server has to take a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// One call of the exchange.
#[derive(Debug, Clone)]
pub struct Exchange<'a> {
    /// The worker in whose name it is made; 0 for somebody who only creates tasks.
    pub worker: WorkerId,
    /// Its name, for the history.
    pub label: &'a str,
    /// The worker's number of this call, from 1. Claims carry it, so that a call whose answer was lost can be made again
    /// under the same number (R-35).
    pub call: i32,
    /// Whether this call may have been carried out before.
    pub repeat: bool,
    /// Somebody stands in the way: what others hold is left where it is instead of being waited for, and what is claimed is
    /// compared with the record first (R-33).
    pub careful: bool,
    /// What became of steps that it holds.
    pub outcomes: &'a [Settled],
    /// How many claims it wants at most.
    pub want: usize,
    /// How many of them may be steps that this very call unlocks; the others come from the line.
    pub handover: usize,
    /// The lanes it serves.
    pub lanes: &'a [i64],
    /// Whether claims go by the order of `lanes`, or by who has waited longest.
    pub fair: bool,
    /// A task whose steps are claimed whatever their lane, unless their queue or type is paused. Outcomes that are handed in
    /// beside it are its own.
    pub task: Option<i64>,
    /// Whether steps that are due join the line first.
    pub wake: bool,
    /// Whether the caller rests if it gets nothing, and wants to be notified.
    pub sleep: bool,
    /// Tasks to create. Lanes of reserved ones among them are served by this call, too.
    pub tasks: &'a [NewTask],
    /// The instant (UTC) to work by; the database's clock where none is given (R-24).
    pub now: Option<NaiveDateTime>,
}

impl<'a> Exchange<'a> {
    /// A call that does nothing yet.
    pub fn new(worker: WorkerId, label: &'a str) -> Self {
        Self {
            worker,
            label,
            call: 0,
            repeat: false,
            careful: false,
            outcomes: &[],
            want: 0,
            handover: 0,
            lanes: &[],
            fair: false,
            task: None,
            wake: false,
            sleep: false,
            tasks: &[],
            now: None,
        }
    }
}

/// A task to create.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// The content it is made from.
    pub definition_id: DefinitionId,
    /// Its context, checked and with defaults.
    pub context: Box<RawValue>,
    /// Its identity (R-44): a key that another task has creates nothing.
    pub key: String,
    /// `initiator`, `source_system`, `reason`, `tags`: a JSON object; what is left out has the original's default. Steps to
    /// pass over (R-18) stand in `bypass_steps`, a text that is a JSON list of names, and in `bypass_places`, a list of their
    /// places in the definition.
    pub details: Box<RawValue>,
    /// Whether only those who name the task work it.
    pub reserved: bool,
    /// Not before this instant (UTC); at once where none is given or it has passed.
    pub run_at: Option<NaiveDateTime>,
    /// If it has not ended by this instant (UTC), it is cancelled.
    pub deadline: Option<NaiveDateTime>,
}

/// What became of a claimed step.
#[derive(Debug, Clone)]
pub struct Settled {
    /// Id of the step.
    pub step_id: i64,
    /// Token of the claim.
    pub token: i32,
    /// What became of it.
    pub settlement: Settlement,
}

/// What becomes of a step, as decided by [`tasker_domain::verdict`].
#[derive(Debug, Clone)]
pub enum Settlement {
    /// It succeeded and left these results.
    Success {
        /// The results.
        results: Box<RawValue>,
    },
    /// It failed and is tried again.
    Retry {
        /// Keys that describe the error, merged into the row's results.
        error: Box<RawValue>,
        /// Time until the next attempt.
        wait: Duration,
        /// The row's `backoff_request_seconds`.
        asked_seconds: Option<u32>,
        /// A reason for the history.
        note: Option<&'static str>,
    },
    /// It failed and is dead: no attempts are left.
    Exhausted {
        /// Keys that describe the error, merged into the row's results.
        error: Box<RawValue>,
        /// The row's `backoff_request_seconds`.
        asked_seconds: Option<u32>,
        /// A reason for the history.
        note: Option<&'static str>,
    },
    /// It failed for good.
    Permanent {
        /// Keys that describe the error, merged into the row's results.
        error: Box<RawValue>,
    },
    /// It was not finished and goes back, as if it had not been claimed (R-22).
    HandBack {
        /// A reason for the history.
        note: &'static str,
    },
}

/// What an exchange brings back.
#[derive(Debug, Default)]
pub struct Reply {
    /// Instant (UTC) that the rows of this call carry.
    pub instant: NaiveDateTime,
    /// Tasks that were asked for, by their place in the call.
    pub created: Vec<Created>,
    /// Steps claimed.
    pub claims: Vec<Claim>,
    /// The tasks of the claims, by id, but not those of steps whose success this call handed in: the caller knows them.
    pub tasks: HashMap<i64, ClaimedTask>,
    /// Results of the claims' parents that travelled along, by task and named step.
    pub results: HashMap<(i64, i32), Box<RawValue>>,
    /// Tasks that ended in this call.
    pub ended: Vec<(i64, Ended)>,
    /// Tasks that can do nothing before an instant to come.
    pub parked: Vec<i64>,
    /// Tasks of which nothing new is claimed: a step died and the definition says fail fast.
    pub halted: Vec<i64>,
    /// Steps whose outcome was refused: the claim is no longer the caller's.
    pub refused: Vec<i64>,
    /// Steps whose outcome stood in the record already, of a call that was repeated.
    pub recorded: Vec<i64>,
    /// Steps whose outcome was left for later because somebody else holds their rows.
    pub held: Vec<i64>,
    /// Whether what others hold was passed over; it was asked for, or somebody held rows for long.
    pub careful: bool,
    /// Lanes were made, paused or resumed; nothing is claimed from any before the caller [asks](Ledger::lanes) again.
    pub lanes_changed: bool,
    /// Earliest instant (UTC) at which a step of the lanes is due.
    pub next_due: Option<NaiveDateTime>,
}

/// A task that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    /// Its place in the call, from 0.
    pub place: usize,
    /// Id of the task.
    pub task_id: i64,
    /// False if a task of this key was there before (R-44).
    pub created: bool,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All its steps ended well.
    Complete,
    /// Dead steps hold it.
    Error,
}

/// A step that is now the caller's.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Id of the step.
    pub step_id: i64,
    /// Id of its task.
    pub task_id: i64,
    /// Token that its outcome must carry.
    pub token: i32,
    /// Place of the step in its definition.
    pub place: usize,
    /// Number of this attempt, from 1; 0 if the step is to be passed over (R-18).
    pub attempt: u32,
    /// Number of attempts in all.
    pub attempts_allowed: u32,
    /// What stood in its results before, if it has been tried before.
    pub previous_results: Option<Box<RawValue>>,
}

/// The task of a claim.
#[derive(Debug, Clone)]
pub struct ClaimedTask {
    /// The content it was made from.
    pub definition_id: DefinitionId,
    /// Its context.
    pub context: Box<RawValue>,
}

/// The outcomes of a call as the arrays that the function takes.
#[derive(Default)]
struct Columns<'a> {
    steps: Vec<i64>,
    tokens: Vec<i32>,
    kinds: Vec<&'static str>,
    results: Vec<&'a str>,
    waits: Vec<f64>,
    asked: Vec<Option<i32>>,
    notes: Vec<Option<&'static str>>,
}

impl<'a> Columns<'a> {
    fn of(outcomes: &'a [Settled]) -> Self {
        let mut columns = Columns::default();
        for settled in outcomes {
            let (kind, results, wait, asked, note) = match &settled.settlement {
                Settlement::Success { results } => ("s", results.get(), 0.0, None, None),
                Settlement::Retry { error, wait, asked_seconds, note } => {
                    ("r", error.get(), wait.as_secs_f64(), *asked_seconds, *note)
                }
                Settlement::Exhausted { error, asked_seconds, note } => ("x", error.get(), 0.0, *asked_seconds, *note),
                Settlement::Permanent { error } => ("p", error.get(), 0.0, None, None),
                Settlement::HandBack { note } => ("b", "{}", 0.0, None, Some(*note)),
            };
            columns.steps.push(settled.step_id);
            columns.tokens.push(settled.token);
            columns.kinds.push(kind);
            columns.results.push(results);
            columns.waits.push(wait);
            columns.asked.push(asked.and_then(|seconds| i32::try_from(seconds).ok()));
            columns.notes.push(note);
        }
        columns
    }
}

impl Ledger {
    /// Hands in outcomes and new tasks and takes claims: one statement, one commit.
    ///
    /// Where somebody else has changed a task underneath, its side rows are rebuilt from the record first (R-33). A call
    /// that the database gave up because it stood in another's way (a dead-lock, say, between a take-over and the
    /// worker it took for dead) has written nothing and is made again.
    ///
    /// # Errors
    /// After [`LedgerError::Unavailable`] nothing is known about the call; after any other error nothing of it stands.
    pub async fn exchange(&self, call: &Exchange<'_>) -> Result<Reply, LedgerError> {
        patiently(self, None, call).await
    }

    /// Connections for a worker that makes one exchange after the other.
    pub fn exchanger(&self) -> Exchanger {
        Exchanger { ledger: self.clone(), idle: Arc::default() }
    }
}

/// Exchanges of one worker, on connections of its own: as many as it makes calls at the same time. A connection that goes
/// back to the pool is asked whether it still lives, which would double the messages of a worker. Cheap to clone; the
/// connections end with the last clone.
#[derive(Debug, Clone)]
pub struct Exchanger {
    ledger: Ledger,
    idle: Arc<Mutex<Vec<PgConnection>>>,
}

impl Exchanger {
    /// As [`Ledger::exchange`].
    ///
    /// # Errors
    /// As there.
    pub async fn exchange(&self, call: &Exchange<'_>) -> Result<Reply, LedgerError> {
        patiently(&self.ledger, Some(self), call).await
    }

    async fn once(&self, call: &Exchange<'_>) -> Result<Reply, LedgerError> {
        let kept = self.idle().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let reply = exchange_once(&mut connection, call).await;
        // One that broke is not used again, nor one whose call nobody waited for.
        if !matches!(reply, Err(LedgerError::Unavailable(_))) {
            self.idle().push(connection);
        }
        reply
    }

    async fn connect(&self) -> Result<PgConnection, LedgerError> {
        let options = self.ledger.pool.connect_options();
        match tokio::time::timeout(CONNECT_WITHIN, PgConnection::connect_with(&options)).await {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<PgConnection>> {
        // Nothing is left half done under this lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes leave of the server, so that nothing of it lingers there.
    pub async fn close(self) {
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, "a connection was not closed in good order");
            }
        }
    }
}

async fn patiently(ledger: &Ledger, own: Option<&Exchanger>, call: &Exchange<'_>) -> Result<Reply, LedgerError> {
    let mut tries = 1;
    let mut call = call.clone();
    loop {
        let reply = match own {
            Some(exchanger) => exchanger.once(&call).await,
            None => exchange_once(&mut *ledger.pool.acquire().await?, &call).await,
        };
        match reply {
            Err(LedgerError::Contended(error)) if tries < EXCHANGE_TRIES => {
                tries += 1;
                call.careful |= has_been_begun(&error);
            }
            Err(LedgerError::Held(_)) if tries < EXCHANGE_TRIES => {
                tries += 1;
                call.careful = true;
            }
            Err(LedgerError::Changed { tasks, .. }) if tries < EXCHANGE_TRIES && !tasks.is_empty() => {
                tries += 1;
                tracing::info!(?tasks, "somebody else changed tasks; their side rows are rebuilt");
                ledger.rebuild_tasks(&tasks).await?;
            }
            Ok(reply) => return Ok(Reply { careful: call.careful, ..reply }),
            refused => return refused,
        }
    }
}

/// Whether a row of a step's history stands there already that the call was about to write: somebody has begun a step that
/// it claimed.
fn has_been_begun(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation() && error.table() == Some("tasker_workflow_step_transitions"))
}

async fn exchange_once(connection: &mut PgConnection, call: &Exchange<'_>) -> Result<Reply, LedgerError> {
    let columns = Columns::of(call.outcomes);
    let rows = sqlx::query(include_str!("../../sql/ledger/exchange.sql"))
        .bind(call.worker)
        .bind(call.label)
        .bind(call.call)
        .bind(call.repeat)
        .bind(call.careful)
        .bind(columns.steps)
        .bind(columns.tokens)
        .bind(columns.kinds)
        .bind(columns.results)
        .bind(columns.waits)
        .bind(columns.asked)
        .bind(columns.notes)
        .bind(i32::try_from(call.want).unwrap_or(i32::MAX))
        .bind(i32::try_from(call.handover).unwrap_or(i32::MAX))
        .bind(call.lanes)
        .bind(call.fair)
        .bind(call.task)
        .bind(call.wake)
        .bind(call.sleep)
        .bind(call.tasks.iter().map(|task| task.definition_id).collect::<Vec<_>>())
        .bind(call.tasks.iter().map(|task| task.context.get()).collect::<Vec<_>>())
        .bind(call.tasks.iter().map(|task| task.key.as_str()).collect::<Vec<_>>())
        .bind(call.tasks.iter().map(|task| task.details.get()).collect::<Vec<_>>())
        .bind(call.tasks.iter().map(|task| task.reserved).collect::<Vec<_>>())
        .bind(call.tasks.iter().map(|task| task.run_at.map(|at| at.and_utc())).collect::<Vec<_>>())
        .bind(call.tasks.iter().map(|task| task.deadline.map(|at| at.and_utc())).collect::<Vec<_>>())
        .bind(call.now.map(|instant| instant.and_utc()))
        .fetch_all(connection)
        .await
        .map_err(|error| if has_been_begun(&error) { LedgerError::Contended(error) } else { error.into() })?;
    let mut reply = Reply::default();
    for row in rows {
        reply.take(&row)?;
    }
    Ok(reply)
}

impl Reply {
    fn take(&mut self, row: &PgRow) -> Result<(), LedgerError> {
        let number = |column: &str| row.try_get::<i64, _>(column);
        let instant = || Ok::<_, LedgerError>(row.try_get::<Option<DateTime<Utc>>, _>("at")?.map(|at| at.naive_utc()));
        let document = || -> Result<Option<Box<RawValue>>, LedgerError> {
            row.try_get::<Option<String>, _>("doc")?.map(raw).transpose()
        };
        let present = |document: Option<Box<RawValue>>| {
            document.ok_or_else(|| LedgerError::Inconsistent("the exchange left out a document".to_owned()))
        };
        let count = |column: &str| Ok::<_, LedgerError>(row.try_get::<i32, _>(column)?.unsigned_abs());
        match row.try_get::<&str, _>("kind")? {
            "i" => {
                self.instant = instant()?
                    .ok_or_else(|| LedgerError::Inconsistent("the exchange left out its instant".to_owned()))?
            }
            kind @ ("n" | "d") => self.created.push(Created {
                place: count("m")? as usize - 1,
                task_id: number("a")?,
                created: kind == "n",
            }),
            "s" => self.claims.push(Claim {
                step_id: number("a")?,
                task_id: number("b")?,
                token: row.try_get("n")?,
                place: count("m")? as usize,
                attempt: count("k")?,
                attempts_allowed: count("w")?,
                previous_results: document()?,
            }),
            "t" => {
                let task = ClaimedTask { definition_id: number("a")?, context: present(document()?)? };
                self.tasks.insert(number("b")?, task);
            }
            "r" => {
                self.results.insert((number("b")?, row.try_get("m")?), present(document()?)?);
            }
            "c" => self.ended.push((number("a")?, Ended::Complete)),
            "f" => self.ended.push((number("a")?, Ended::Error)),
            "p" => self.parked.push(number("a")?),
            "h" => self.halted.push(number("a")?),
            "x" => self.refused.push(number("a")?),
            "y" => self.recorded.push(number("a")?),
            "l" => self.held.push(number("a")?),
            "v" => self.lanes_changed = true,
            "w" => self.next_due = instant()?,
            other => return Err(LedgerError::Inconsistent(format!("the exchange answered a row of kind `{other}`"))),
        }
        Ok(())
    }
}
