//! How an exchange is made: on whose connection, by which function, and again where others stood in the way.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sqlx::postgres::{PgDatabaseError, PgRow};
use sqlx::{Connection, PgConnection, Row};

use super::exchange::{Claim, ClaimedTask, Columns, Created, Ended, Exchange, NewTask, Reply, Settled, Settlement};
use super::mend::{Mended, Whose};
use super::task::raw;
use super::{Ledger, LedgerError};

/// How often a call is made that others stand in the way of.
const EXCHANGE_TRIES: u32 = 10;

/// How long the server has to take a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How many calls are made the general way at once after one that could not go the way of a single success: steps that
/// stand in line, as a rule, still do.
const GENERAL_FOR: u32 = 16;

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
        Exchanger { ledger: self.clone(), idle: Arc::default(), general_for: Arc::default() }
    }
}

/// Exchanges of one worker, on connections of its own: as many as it makes calls at the same time. A connection that goes
/// back to the pool is asked whether it still lives, which would double the messages of a worker. Cheap to clone; the
/// connections end with the last clone.
#[derive(Debug, Clone)]
pub struct Exchanger {
    ledger: Ledger,
    idle: Arc<Mutex<Vec<PgConnection>>>,
    /// How many calls go the general way unasked.
    general_for: Arc<AtomicU32>,
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
        let reply = match self.single_success(call) {
            Some(success) => match succeed_once(&mut connection, call, success).await {
                Ok(None) => {
                    self.general_for.store(GENERAL_FOR, Ordering::Relaxed);
                    exchange_once(&mut connection, call).await
                }
                Ok(Some(reply)) => Ok(reply),
                Err(error) => Err(error),
            },
            None => exchange_once(&mut connection, call).await,
        };
        // One that broke is not used again, nor one whose call nobody waited for.
        if !matches!(reply, Err(LedgerError::Unavailable(_))) {
            self.idle().push(connection);
        }
        reply
    }

    /// The success that is all this call carries, if it carries no more and may go the way of such calls.
    fn single_success<'a>(&self, call: &'a Exchange<'_>) -> Option<Success<'a>> {
        let [Settled { step_id, token, settlement: Settlement::Success { results } }] = call.outcomes else {
            return None;
        };
        let plain = !call.repeat && !call.careful && !call.wake && !call.sleep && call.task.is_none();
        // Who lets others have their turn (`fair`) may go this way, too: it is taken only where nobody stands in line.
        if !plain || !call.tasks.is_empty() || call.want == 0 || call.handover < call.want && !call.fair {
            return None;
        }
        let left = self.general_for.load(Ordering::Relaxed);
        if left > 0 {
            self.general_for.store(left - 1, Ordering::Relaxed);
            return None;
        }
        Some(Success { step_id: *step_id, token: *token, results: results.get() })
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
    let mut mended = Mended::default();
    let mut call = call.clone();
    loop {
        let reply = match own {
            Some(exchanger) => exchanger.once(&call).await,
            None => exchange_once(&mut *ledger.pool.acquire().await?, &call).await,
        };
        if tries == EXCHANGE_TRIES {
            return reply;
        }
        match reply {
            Err(LedgerError::Contended(error)) => match outrun(&error) {
                // A careful call claims nothing that somebody has begun or deleted: the rows do not fit each other.
                Some(row) if call.careful => mended.mend(ledger, ledger.tasks_of(row).await?).await?,
                outrun => call.careful |= outrun.is_some(),
            },
            Err(LedgerError::Held(_)) => call.careful = true,
            Err(LedgerError::Changed { tasks, .. }) if !tasks.is_empty() => mended.mend(ledger, tasks).await?,
            Ok(reply) => return Ok(Reply { careful: call.careful, ..reply }),
            refused => return refused,
        }
        tries += 1;
    }
}

/// Whose row was refused because others were quicker with what the call claimed: they have begun it (the row of its history
/// that the call was about to write stands there already), or deleted it.
fn outrun(error: &sqlx::Error) -> Option<Whose> {
    let error =
        error.as_database_error().filter(|error| error.is_unique_violation() || error.is_foreign_key_violation())?;
    // `Key (workflow_step_id, sort_key)=(4711, 10) already exists.`
    let detail = error.try_downcast_ref::<PgDatabaseError>()?.detail()?;
    let (_, values) = detail.split_once(")=(")?;
    let id = values.split([',', ')']).next()?.parse().ok()?;
    match error.table()? {
        "tasker_workflow_step_transitions" => Some(Whose::Step(id)),
        "tasker_task_transitions" => Some(Whose::Task(id)),
        _ => None,
    }
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
        .map_err(of_a_call)?;
    Reply::of(rows, call)
}

/// A step that succeeded.
struct Success<'a> {
    step_id: i64,
    token: i32,
    results: &'a str,
}

/// A call that carries a single success, by the function for such calls; nothing if the call is one for the general function.
async fn succeed_once(
    connection: &mut PgConnection,
    call: &Exchange<'_>,
    success: Success<'_>,
) -> Result<Option<Reply>, LedgerError> {
    let answer = sqlx::query(include_str!("../../sql/ledger/succeed.sql"))
        .bind(call.worker)
        .bind(call.label)
        .bind(call.call)
        .bind(success.step_id)
        .bind(success.token)
        .bind(success.results)
        .bind(call.only_parents)
        .bind(i32::try_from(call.want).unwrap_or(i32::MAX))
        .bind(call.lanes)
        .bind(call.now.map(|instant| instant.and_utc()))
        .fetch_all(connection)
        .await;
    match answer {
        Ok(rows) if is_for_the_general_function(&rows)? => Ok(None),
        Ok(rows) => Ok(Some(Reply::of(rows, call)?)),
        Err(error) if error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("TSK02")) => {
            Ok(None)
        }
        Err(error) => Err(of_a_call(error)),
    }
}

fn is_for_the_general_function(rows: &[PgRow]) -> Result<bool, LedgerError> {
    match rows {
        [only] => Ok(only.try_get::<&str, _>("kind")? == "g"),
        _ => Ok(false),
    }
}

fn of_a_call(error: sqlx::Error) -> LedgerError {
    if outrun(&error).is_some() { LedgerError::Contended(error) } else { error.into() }
}

impl Reply {
    /// What the rows of an answer to this call say. The tasks that it created are told from the call itself.
    fn of(rows: Vec<PgRow>, call: &Exchange<'_>) -> Result<Self, LedgerError> {
        let mut reply = Reply::default();
        for row in rows {
            reply.take(&row)?;
        }
        let begun: HashSet<i64> = reply.claims.iter().map(|claim| claim.task_id).collect();
        for created in reply.created.iter().filter(|created| created.created && begun.contains(&created.task_id)) {
            let NewTask { definition_id, ref context, .. } = call.tasks[created.place];
            reply.tasks.insert(created.task_id, ClaimedTask { definition_id, context: context.clone() });
        }
        Ok(reply)
    }

    fn take(&mut self, row: &PgRow) -> Result<(), LedgerError> {
        let number = |column: &str| row.try_get::<i64, _>(column);
        let instant = || Ok::<_, LedgerError>(row.try_get::<Option<DateTime<Utc>>, _>("at")?.map(|at| at.naive_utc()));
        let document = || -> Result<Option<Box<RawValue>>, LedgerError> {
            row.try_get::<Option<String>, _>("doc")?.map(raw).transpose()
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
            // Context and results may be null where another program wrote the row.
            "t" => {
                let context = document()?.unwrap_or_else(|| RawValue::NULL.to_owned());
                let task = ClaimedTask { definition_id: number("a")?, context };
                self.tasks.insert(number("b")?, task);
            }
            "r" => {
                if let Some(results) = document()? {
                    self.results.insert((number("b")?, row.try_get("m")?), results);
                }
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
