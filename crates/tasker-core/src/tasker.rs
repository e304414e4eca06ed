//! Running one task from its request to its end.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDateTime;
use serde_json::value::RawValue;
use sqlx::PgPool;
use tasker_domain::context::ContextCheck;
use tasker_domain::correlation::CorrelationId;
use tasker_domain::json::Json;
use tasker_domain::state::TaskState;
use tasker_domain::template::Template;
use tasker_postgres::ledger::{Ledger, LedgerError, NewTask, RegistrationOutcome, TaskRecord, WorkerId};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::enter::Entered;
use crate::entropy::Entropy;
use crate::error::RunError;
use crate::events::Events;
use crate::orchestration::{
    Definition, Drive, DriveEnd, Goal, NAMELESS, Observer, Pulse, StepDeadlines, Unobserved, take_over_from,
};
use crate::registry::Handlers;

/// Largest result of a step, in bytes.
pub const MAX_RESULT_BYTES: usize = 1024 * 1024;

/// Largest context of a task, in bytes.
pub const MAX_CONTEXT_BYTES: usize = 32 * 1024 * 1024;

/// How often the lease of a worker is looked at that may be dead.
const LOOK_AT_LEASE: Duration = Duration::from_millis(250);

/// The engine in one process: a database, handlers, a clock. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasker {
    ledger: Ledger,
    pub(crate) handlers: Handlers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Entropy,
    pub(crate) concurrency: usize,
    pub(crate) pulse: Option<Pulse>,
    pub(crate) allow_redefine: bool,
    pub(crate) label: String,
    pub(crate) events: Events,
    correlation_id: Option<CorrelationId>,
}

impl Tasker {
    /// An engine on a database whose schema stands, with the handlers that carry out its steps.
    ///
    /// # Errors
    /// [`RunError::Entropy`] when the operating system gives no randomness.
    pub fn new(pool: PgPool, handlers: Handlers) -> Result<Self, RunError> {
        let ledger = Ledger::new(pool);
        Ok(Self {
            events: Events::new(ledger.clone()),
            ledger,
            handlers,
            clock: Arc::new(SystemClock::new()),
            entropy: Entropy::from_system()?,
            concurrency: 32,
            pulse: None,
            allow_redefine: false,
            label: worker_name(),
            correlation_id: None,
        })
    }

    /// Works by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Draws chance and ids from another source.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Entropy) -> Self {
        self.entropy = entropy;
        self
    }

    /// Runs at most this many steps at the same time; 32 unless set, at least 1.
    #[must_use]
    pub fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// Is heard of in another rhythm than [`Pulse::WORKER`], or [`Pulse::RUN`] where it runs a single task.
    #[must_use]
    pub fn with_pulse(mut self, pulse: Pulse) -> Self {
        self.pulse = Some(pulse);
        self
    }

    /// Is called so in the list of workers and in the history, instead of by host and process.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.label = name.into();
        self
    }

    /// Its name in the list of workers and in the history.
    pub fn name(&self) -> &str {
        &self.label
    }

    /// Takes another content under a version that is in use, instead of refusing it: for a database of one's own.
    #[must_use]
    pub fn allowing_redefinition(mut self) -> Self {
        self.allow_redefine = true;
        self
    }

    /// Logs under this word instead of one of its own for each run, worker or job (B-CON-039).
    #[must_use]
    pub fn with_correlation_id(mut self, id: CorrelationId) -> Self {
        self.correlation_id = Some(id);
        self
    }

    /// The word for the logs of a run, worker or job that begins now.
    pub(crate) fn correlation_id(&self) -> CorrelationId {
        self.correlation_id.clone().unwrap_or_else(|| {
            let since_1970 = self.clock.wall_time().and_utc().timestamp_millis();
            CorrelationId::generate(since_1970.unsigned_abs(), &mut || self.entropy.fraction())
        })
    }

    /// Where to subscribe to what happens. Clones of this engine, made before or after, publish there, too.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// The record behind it.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Runs a new task to its end and reports on it.
    ///
    /// # Errors
    /// See [`RunError`]. A task that ends in error is a report, not an error.
    pub async fn run(&self, template: &Template, context: impl Into<Json>) -> Result<TaskReport, RunError> {
        self.start(Run::new(template, context.into())).await
    }

    /// Runs a task as [`Run`] says and reports on it.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn start(&self, run: Run<'_>) -> Result<TaskReport, RunError> {
        let started = self.clock.elapsed();
        self.handlers.check(run.template)?;
        let new_task = match &run.target {
            Target::New { context, details } => Some(self.checked(run.template, context, details)?),
            Target::Resume { task_id } => {
                if let Some(report) = self.refuse_or_report(run.template, *task_id, started).await? {
                    return Ok(report);
                }
                None
            }
        };
        let registered = self.ledger.register(run.template, self.allow_redefine).await?;
        let definition = Arc::new(Definition::new(run.template.clone(), registered.named_step_ids)?);
        if matches!(registered.outcome, RegistrationOutcome::Redefined { .. }) {
            (run.notice)(&format!(
                "version {} of {}/{} has a new content; tasks made before keep the old one",
                run.template.version, run.template.namespace, run.template.name
            ));
        }
        if let Target::Resume { task_id } = &run.target {
            self.take_over(*task_id, &run).await?;
        }
        let task_id = match run.target {
            Target::New { .. } => None,
            Target::Resume { task_id } => Some(task_id),
        };
        let pulse = self.pulse.unwrap_or(Pulse::RUN);
        let worker_id = self.ledger.start_worker(&self.entry_for_one_task(task_id, pulse)).await?;
        let Entered { mut worker, heartbeat, lost } = self.entered(worker_id, pulse)?;
        worker.definitions = HashMap::from([(registered.definition_id, definition)]).into();
        worker.lanes = task_id.map(|id| -id).into_iter().collect();
        // Who watches a run is told at once that the database is away, and can resume it.
        worker.outlives_outages = false;
        let create = new_task
            .map(|(context, details)| NewTask {
                definition_id: registered.definition_id,
                context,
                key: self.entropy.uuid().to_string(),
                details,
                reserved: true,
                run_at: None,
                deadline: None,
            })
            .into_iter()
            .collect();
        let called = Arc::new(Notify::new());
        let _deadlines = StepDeadlines::watch(run.template, &self.ledger, &self.clock, &called);
        let drive = Drive {
            create,
            inbox: None,
            goal: Goal::Task(task_id),
            observer: run.observer,
            drain: &CancellationToken::new(),
            stop: &run.stop,
            lost: &lost,
            called: &called,
        };
        let end = worker.drive(drive).await;
        heartbeat.stop();
        let outcome = self.report(end, started).await;
        self.leave(worker_id).await;
        outcome
    }

    /// Checks a context and fills its defaults in; both documents come back as they are stored.
    pub(crate) fn checked(
        &self,
        template: &Template,
        context: &Json,
        details: &Json,
    ) -> Result<(Box<RawValue>, Box<RawValue>), RunError> {
        let text = checked_context(template, context)?.jsonb_text();
        let raw =
            |text: String| RawValue::from_string(text).map_err(|error| RunError::UnstorableContext(error.to_string()));
        Ok((raw(text)?, raw(details.to_string())?))
    }

    /// Checks that a task can be resumed with this template; a task at rest is reported instead.
    async fn refuse_or_report(
        &self,
        template: &Template,
        task_id: i64,
        started: Duration,
    ) -> Result<Option<TaskReport>, RunError> {
        let task = self.ledger.task_overview(task_id).await?.ok_or(RunError::UnknownTask { task_id })?;
        let Some((_, hash)) = &task.definition else {
            return Err(RunError::ForeignTask { task_id });
        };
        if *hash != template.content_hash() {
            return Err(RunError::OtherTemplate {
                task_id,
                made_from: format!("{}/{} {}", task.namespace, task.name, task.version),
            });
        }
        if !task.reserved {
            return Err(RunError::NotReserved { task_id });
        }
        if task.state.is_at_rest() {
            return self.report(DriveEnd::Ended { task_id, executions: 0 }, started).await.map(Some);
        }
        Ok(None)
    }

    /// Takes over what dead workers hold of a task; waits for the lease of one that may still be alive.
    async fn take_over(&self, task_id: i64, run: &Run<'_>) -> Result<(), RunError> {
        // Leases pass in real time, whatever clock the rest works by.
        let real = SystemClock::new();
        let mut told = false;
        let mut watched: Option<Watched> = None;
        loop {
            let holders = self.ledger.holders(task_id).await?;
            let Some(holder) = holders.first() else {
                return Ok(());
            };
            if holder.lease_left.is_zero() {
                take_over_from(&self.ledger, &self.entropy, self.clock.record_time(), holder).await?;
                continue;
            }
            let name = holder.name.as_deref().unwrap_or(NAMELESS);
            let seen =
                watched.get_or_insert(Watched { worker: holder.worker_id, seen_at: holder.seen_at, renewals: 0 });
            if seen.worker != holder.worker_id {
                *seen = Watched { worker: holder.worker_id, seen_at: holder.seen_at, renewals: 0 };
            }
            if seen.seen_at != holder.seen_at {
                seen.seen_at = holder.seen_at;
                seen.renewals += 1;
            }
            // One renewal may have been on its way when the worker died; a second one comes from a living worker.
            if seen.renewals >= 2 {
                return Err(RunError::BeingRun { task_id, worker: name.to_owned() });
            }
            if !told {
                (run.notice)(&format!(
                    "{name} held the task last; waiting up to {:.0} s to be sure that it is gone",
                    holder.lease_left.as_secs_f64().ceil()
                ));
                told = true;
            }
            tokio::select! {
                () = real.sleep(holder.lease_left.min(LOOK_AT_LEASE)) => {}
                () = run.stop.cancelled() => return Err(RunError::InterruptedBeforeStart { task_id }),
            }
        }
    }

    async fn report(&self, end: DriveEnd, started: Duration) -> Result<TaskReport, RunError> {
        let (task_id, ending, executions) = match end {
            DriveEnd::Ended { task_id, executions } => (task_id, None, executions),
            DriveEnd::Stopped { task_id: Some(task_id), executions } => (task_id, Some(Ending::Stopped), executions),
            DriveEnd::Stopped { task_id: None, .. } => return Err(RunError::StoppedBeforeStart),
            DriveEnd::Duplicate { task_id } => return Err(RunError::Duplicate { task_id }),
            DriveEnd::Lost { task_id } => return Err(RunError::Lost { task_id }),
            DriveEnd::Stuck { task_id } => return Err(RunError::Stuck { task_id }),
            DriveEnd::Rests { .. } => unreachable!("a run goes on until its task ends"),
            DriveEnd::Failed { task_id, error } => return Err(RunError::Database { task_id, error }),
        };
        let record = self
            .ledger
            .task_record(task_id)
            .await
            .map_err(|error| RunError::Database { task_id: Some(task_id), error })?
            .ok_or(RunError::UnknownTask { task_id })?;
        let ending = ending.unwrap_or(match record.task.state {
            TaskState::Complete => Ending::Complete,
            TaskState::Cancelled => Ending::Cancelled,
            TaskState::ResolvedManually => Ending::ResolvedManually,
            TaskState::Error | TaskState::Pending | TaskState::InProgress => Ending::Error,
        });
        Ok(TaskReport { record, ending, executions, elapsed: self.clock.elapsed().saturating_sub(started) })
    }
}

/// The context of a task as it would be stored: checked against the template's schema, with its defaults filled in
/// . Needs no database.
///
/// # Errors
/// [`RunError::Schema`], [`RunError::Context`], [`RunError::UnstorableContext`], [`RunError::ContextTooLarge`].
pub fn checked_context(template: &Template, context: &Json) -> Result<Json, RunError> {
    let filled = ContextCheck::new(template).map_err(RunError::Schema)?.check(context).map_err(RunError::Context)?;
    filled.check_storable().map_err(|error| RunError::UnstorableContext(error.to_string()))?;
    let bytes = filled.to_string().len();
    if bytes > MAX_CONTEXT_BYTES {
        return Err(RunError::ContextTooLarge { bytes, most: MAX_CONTEXT_BYTES });
    }
    Ok(filled)
}

/// One run of a task: what to run, who is told, when to stop.
pub struct Run<'a> {
    template: &'a Template,
    target: Target,
    observer: &'a dyn Observer,
    notice: &'a (dyn Fn(&str) + Sync),
    stop: CancellationToken,
}

enum Target {
    New { context: Json, details: Json },
    Resume { task_id: i64 },
}

impl<'a> Run<'a> {
    /// A new task of this template.
    pub fn new(template: &'a Template, context: Json) -> Self {
        Self {
            template,
            target: Target::New { context, details: Json::Object(indexmap::IndexMap::new()) },
            observer: &Unobserved,
            notice: &|_| {},
            stop: CancellationToken::new(),
        }
    }

    /// A task that was begun before, made from the same content.
    pub fn resume(template: &'a Template, task_id: i64) -> Self {
        Self { target: Target::Resume { task_id }, ..Self::new(template, Json::Null) }
    }

    /// Who asks for the task and why: `initiator`, `source_system`, `reason` of the record.
    #[must_use]
    pub fn asked_by(mut self, initiator: &str, source_system: &str, reason: &str) -> Self {
        if let Target::New { details, .. } = &mut self.target {
            let text = |value: &str| Json::String(value.to_owned());
            *details = Json::Object(indexmap::IndexMap::from([
                ("initiator".to_owned(), text(initiator)),
                ("source_system".to_owned(), text(source_system)),
                ("reason".to_owned(), text(reason)),
            ]));
        }
        self
    }

    /// Tells somebody what happens, after each commit.
    #[must_use]
    pub fn observed_by(mut self, observer: &'a dyn Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Where single lines for a person go, such as what is being waited for.
    #[must_use]
    pub fn with_notices(mut self, notice: &'a (dyn Fn(&str) + Sync)) -> Self {
        self.notice = notice;
        self
    }

    /// Stops when signalled: what runs is cancelled and handed back.
    #[must_use]
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("template", &self.template.name).finish_non_exhaustive()
    }
}

/// What became of a task.
#[derive(Debug, Clone)]
pub struct TaskReport {
    /// The task and its steps as they stand in the database.
    pub record: TaskRecord,
    /// How the run ended.
    pub ending: Ending,
    /// How many attempts this run carried out.
    pub executions: u64,
    /// How long this run took.
    pub elapsed: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The task is complete.
    Complete,
    /// The task is in error: dead steps hold it.
    Error,
    /// The task was cancelled.
    Cancelled,
    /// The task was settled by a person.
    ResolvedManually,
    /// The run was stopped; the task can be resumed.
    Stopped,
}

/// Host and process, for the history.
fn worker_name() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    format!("{}:{}", host.as_deref().unwrap_or("localhost"), std::process::id())
}

/// A worker whose lease is waited for.
struct Watched {
    worker: WorkerId,
    /// When it was last heard of.
    seen_at: Option<NaiveDateTime>,
    renewals: u32,
}

impl From<LedgerError> for RunError {
    fn from(error: LedgerError) -> Self {
        RunError::Database { task_id: None, error }
    }
}
