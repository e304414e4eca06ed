//! The worker's loop: finished steps and new claims travel in the same call. While one exchange is in flight, finished
//! steps gather for the next, so batches grow with load and an idle worker commits at once.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tasker_domain::retry::AskedWait;
use tasker_domain::verdict::{self, FailedAttempt, Failure};
use tasker_postgres::ledger::{
    Claim, ClaimedTask, EXCHANGE_BYTES, EXCHANGE_OUTCOMES, Exchange, Ledger, LedgerError, NewTask, Prospect, Reply,
    Settled, Settlement, WorkerId,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::attempt::{handle, settle, settlement};
use super::definitions::{Definition, Definitions};
use super::progress::{Observer, Progress};
use super::take_over::take_over_from;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::registry::Handlers;
use crate::step_handler::{AncestorResults, Output, StepContext, StepError};

/// How long handlers that were told to stop have to end before they are dropped.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// How often a worker that waits for others looks whether something has changed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What one worker works with.
pub(crate) struct Worker {
    pub(crate) ledger: Ledger,
    pub(crate) id: WorkerId,
    pub(crate) label: String,
    pub(crate) handlers: Handlers,
    pub(crate) definitions: Definitions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Entropy,
    pub(crate) concurrency: usize,
    pub(crate) max_result_bytes: usize,
    pub(crate) lanes: Vec<i64>,
}

/// What a worker is driven by.
pub(crate) struct Drive<'a> {
    /// Tasks to create with the first exchange.
    pub(crate) create: Vec<NewTask>,
    /// The task whose end ends the drive; the one created where it is nothing.
    pub(crate) task_id: Option<i64>,
    /// Who is told.
    pub(crate) observer: &'a dyn Observer,
    /// Signalled to stop: what runs is cancelled and handed back.
    pub(crate) stop: &'a CancellationToken,
    /// Signalled when others have declared the worker lost.
    pub(crate) lost: &'a CancellationToken,
}

/// Why a drive ended.
#[derive(Debug)]
pub(crate) enum DriveEnd {
    /// The task ended.
    Ended { task_id: i64, executions: u64 },
    /// It was told to stop; everything it held has been handed back.
    Stopped { task_id: Option<i64>, executions: u64 },
    /// A task with this identity was there before; nothing was created.
    Duplicate { task_id: i64 },
    /// The worker was declared lost; its claims are others' now.
    Lost { task_id: Option<i64> },
    /// The database failed.
    Failed { task_id: Option<i64>, error: LedgerError },
    /// Nothing runs, nothing waits, nobody holds a step, and yet the task has not ended: it was changed from outside.
    Stuck { task_id: i64 },
}

/// An attempt that has ended and awaits its exchange.
#[derive(Debug)]
struct Finished {
    task_id: i64,
    place: usize,
    attempt: u32,
    settled: Settled,
    /// Whether the database refused its outcome and this one stands in for it.
    replaced: bool,
}

impl Finished {
    fn bytes(&self) -> usize {
        match &self.settled.settlement {
            Settlement::Success { results } => results.get().len(),
            Settlement::Retry { error, .. } | Settlement::Exhausted { error, .. } | Settlement::Permanent { error } => {
                error.get().len()
            }
            Settlement::HandBack { .. } => 0,
        }
    }
}

/// An attempt that runs.
struct Held {
    task_id: i64,
    place: usize,
    attempt: u32,
    attempts_allowed: u32,
    definition: Arc<Definition>,
    token: i32,
    signal: CancellationToken,
    /// The task of the runtime that carries it out; nothing before there is one.
    carried_out_by: Option<tokio::task::Id>,
}

type InFlight = Pin<Box<dyn Future<Output = (Vec<Finished>, usize, Result<Reply, LedgerError>)> + Send>>;

/// What changes while a worker is driven.
struct State {
    finished: Vec<Finished>,
    /// The batch in flight was refused for one of its values: its outcomes go one by one.
    one_by_one: bool,
    running: JoinSet<Finished>,
    /// What runs, by step.
    held: HashMap<i64, Held>,
    create: Vec<NewTask>,
    task_id: Option<i64>,
    /// Whether an exchange is due even without outcomes, and whether it should wake steps that are due.
    ask: bool,
    wake: bool,
    /// When the next step is due, by the clock's elapsed time.
    next_due: Option<Duration>,
    /// Since when it is being stopped, by the clock's elapsed time.
    stopping: Option<Duration>,
    executions: u64,
}

impl Worker {
    /// Works until the task has ended or something else ends the drive.
    pub(crate) async fn drive(&mut self, drive: Drive<'_>) -> DriveEnd {
        let mut state = State {
            finished: Vec::new(),
            one_by_one: false,
            running: JoinSet::new(),
            held: HashMap::new(),
            create: drive.create,
            task_id: drive.task_id,
            ask: true,
            wake: drive.task_id.is_some(),
            next_due: None,
            stopping: None,
            executions: 0,
        };
        let clock = self.clock.clone();
        let mut in_flight: Option<InFlight> = None;
        loop {
            if in_flight.is_none() {
                if state.stopping.is_some() && state.running.is_empty() && state.finished.is_empty() {
                    return DriveEnd::Stopped { task_id: state.task_id, executions: state.executions };
                }
                if state.ask || !state.finished.is_empty() {
                    // Others that end in this very moment travel along.
                    tokio::task::yield_now().await;
                    while let Some(ended) = state.running.try_join_next() {
                        self.gather(&mut state, ended);
                    }
                    in_flight = Some(self.exchange(&mut state));
                }
            }
            let wait = match (in_flight.is_some(), state.next_due) {
                (true, _) => None,
                (false, Some(due)) => Some(due.saturating_sub(clock.elapsed())),
                (false, None) if state.running.is_empty() => Some(LOOK_AGAIN),
                (false, None) => None,
            };
            let running = state.running.len();
            // What is left of it: ends of other steps meanwhile do not prolong it.
            let stopping_for = state.stopping.map_or(Duration::ZERO, |since| clock.elapsed().saturating_sub(since));
            let grace = STOP_GRACE.saturating_sub(stopping_for);
            tokio::select! {
                biased;
                () = drive.lost.cancelled() => return DriveEnd::Lost { task_id: state.task_id },
                (batch, created, reply) = async { in_flight.as_mut().expect("guarded by the condition").await }, if in_flight.is_some() => {
                    in_flight = None;
                    match reply {
                        Ok(reply) => {
                            if let Some(end) = self.take(&mut state, batch, reply, drive.observer).await {
                                return end;
                            }
                        }
                        // An outcome of our own making that is refused, too, would be sent for ever.
                        Err(LedgerError::InvalidValue(_)) if batch.len() > 1 || batch.iter().any(|one| !one.replaced) => self.isolate(&mut state, batch, created),
                        Err(error) => return DriveEnd::Failed { task_id: state.task_id, error },
                    }
                }
                Some(ended) = state.running.join_next(), if running > 0 => self.gather(&mut state, ended),
                () = drive.stop.cancelled(), if state.stopping.is_none() => {
                    state.stopping = Some(clock.elapsed());
                    state.held.values().for_each(|held| held.signal.cancel());
                }
                () = clock.deadline(grace), if state.stopping.is_some() && running > 0 => {
                    // What does not stop when told is dropped; its steps go back all the same.
                    state.running.abort_all();
                    state.running.detach_all();
                    let left = std::mem::take(&mut state.held);
                    state.finished.extend(left.into_iter().map(|(step_id, held)| held.handed_back(step_id)));
                }
                () = clock.idle(wait, running), if in_flight.is_none() && state.stopping.is_none() => {
                    if running == 0
                        && state.next_due.is_none()
                        && let Some(end) = self.look_around(&state).await
                    {
                        return end;
                    }
                    state.ask = true;
                    state.wake = true;
                }
            }
        }
    }

    fn gather(&self, state: &mut State, ended: Result<Finished, tokio::task::JoinError>) {
        match ended {
            Ok(mut finished) => {
                state.held.remove(&finished.settled.step_id);
                if state.stopping.is_some() && !matches!(finished.settled.settlement, Settlement::Success { .. }) {
                    // It failed because it was told to stop: that is no failure of the step.
                    finished.settled.settlement = Settlement::HandBack { note: "handed_back" };
                }
                state.finished.push(finished);
            }
            // Panics of a handler are caught inside, but not one of its destructors; its step fails all the same.
            Err(error) => {
                let place = state.held.iter().find(|(_, held)| held.carried_out_by == Some(error.id()));
                let Some(step_id) = place.map(|(&step_id, _)| step_id) else {
                    tracing::error!(%error, "an attempt ended that nobody had begun");
                    return;
                };
                if let Some(held) = state.held.remove(&step_id) {
                    state.finished.push(self.ended_without_outcome(step_id, held, &error));
                }
            }
        }
    }

    fn ended_without_outcome(&self, step_id: i64, held: Held, error: &tokio::task::JoinError) -> Finished {
        let failure = StepError::panic(format!("the attempt ended without an outcome: {error}"));
        let step = &held.definition.template.steps[held.place];
        let settlement = settle(Err(failure), step, held.attempt, held.attempts_allowed, &self.entropy);
        held.finished(step_id, settlement)
    }

    /// Starts an exchange with as much as one call may carry.
    fn exchange(&self, state: &mut State) -> InFlight {
        let most = if state.one_by_one { 1 } else { EXCHANGE_OUTCOMES };
        let mut bytes = 0;
        let mut count = 0;
        for finished in &state.finished {
            bytes += finished.bytes();
            if count > 0 && (count >= most || bytes > EXCHANGE_BYTES) {
                break;
            }
            count += 1;
        }
        let mut batch: Vec<Finished> = state.finished.drain(..count).collect();
        state.one_by_one = state.one_by_one && !state.finished.is_empty();
        let busy = state.running.len() + state.finished.len();
        let want = if state.stopping.is_some() || state.one_by_one { 0 } else { self.concurrency.saturating_sub(busy) };
        let create = std::mem::take(&mut state.create);
        let wake = std::mem::take(&mut state.wake);
        state.ask = false;
        let (ledger, label, lanes) = (self.ledger.clone(), self.label.clone(), self.lanes.clone());
        let (worker, now) = (self.id, self.clock.record_time());
        Box::pin(async move {
            let outcomes: Vec<Settled> = batch.iter_mut().map(|finished| finished.settled.clone()).collect();
            let call =
                Exchange { worker, label: &label, outcomes: &outcomes, want, lanes: &lanes, wake, tasks: &create, now };
            let reply = ledger.exchange(&call).await;
            (batch, create.len(), reply)
        })
    }

    /// The database refused a value of this batch: everything goes again, one by one; what is refused alone fails its
    /// own step and no other.
    fn isolate(&self, state: &mut State, mut batch: Vec<Finished>, created: usize) {
        debug_assert_eq!(created, 0, "a first call carries no outcomes");
        if batch.len() == 1 {
            let refused = &mut batch[0];
            let error = serde_json::json!({
                "error": "the database could not store what this attempt left: its text or numbers are out of PostgreSQL's range",
                "error_class": "Tasker::InvalidResult",
                "backtrace": "",
            });
            let facts = FailedAttempt {
                attempt: refused.attempt,
                attempts_allowed: refused.attempt,
                failure: Failure::Permanent,
                asked: AskedWait::Nothing,
            };
            refused.replaced = true;
            refused.settled.settlement =
                settlement(verdict::after_failure(facts, None), Output::from(error).into_raw(), None);
        } else {
            state.one_by_one = true;
        }
        batch.append(&mut state.finished);
        state.finished = batch;
        state.ask = true;
    }

    /// Takes in a reply: tells the observer what is now committed and starts what was claimed.
    async fn take(
        &mut self,
        state: &mut State,
        batch: Vec<Finished>,
        reply: Reply,
        observer: &dyn Observer,
    ) -> Option<DriveEnd> {
        for created in &reply.created {
            if !created.created {
                return Some(DriveEnd::Duplicate { task_id: created.task_id });
            }
            state.task_id = Some(created.task_id);
            self.lanes.push(-created.task_id);
            observer.observe(Progress::TaskCreated { task_id: created.task_id });
        }
        for finished in batch {
            observer.observe(told(finished, &reply.refused, &reply.halted));
        }
        for task_id in &reply.halted {
            state.held.values().filter(|held| held.task_id == *task_id).for_each(|held| held.signal.cancel());
        }
        let instant = reply.instant;
        state.next_due =
            reply.next_due.map(|due| self.clock.elapsed() + (due - instant).to_std().unwrap_or(Duration::ZERO));
        for &task_id in &reply.parked {
            let wait = reply.next_due.map(|due| (due - instant).to_std().unwrap_or(Duration::ZERO));
            observer.observe(Progress::TaskParked { task_id, wait });
        }
        let mut goal = None;
        for &(task_id, ended) in &reply.ended {
            observer.observe(Progress::TaskEnded { task_id, ended });
            if state.task_id == Some(task_id) {
                goal = Some(DriveEnd::Ended { task_id, executions: state.executions });
            }
        }
        if goal.is_some() {
            return goal;
        }
        if let Err(error) = self.start(state, reply, observer).await {
            return Some(DriveEnd::Failed { task_id: state.task_id, error });
        }
        None
    }

    async fn start(&mut self, state: &mut State, reply: Reply, observer: &dyn Observer) -> Result<(), LedgerError> {
        let mut contexts: HashMap<i64, (Arc<Definition>, Arc<Output>)> = HashMap::new();
        for (task_id, ClaimedTask { definition_id, context }) in reply.tasks {
            let definition = self.definitions.get(&self.ledger, definition_id).await?;
            contexts.insert(task_id, (definition, Arc::new(Output::raw(context))));
        }
        let results: HashMap<i64, (i32, Arc<Output>)> = reply
            .results
            .into_iter()
            .map(|(step, parent)| (step, (parent.named_step_id, Arc::new(Output::raw(parent.results)))))
            .collect();
        for claim in reply.claims {
            let (definition, context) = contexts.get(&claim.task_id).ok_or_else(|| {
                LedgerError::Inconsistent(format!("the task of claimed step {} is missing", claim.step_id))
            })?;
            let task = TaskOf { definition, context, results: &results };
            self.start_attempt(state, claim, &task, observer)?;
        }
        Ok(())
    }

    fn start_attempt(
        &self,
        state: &mut State,
        claim: Claim,
        task: &TaskOf<'_>,
        observer: &dyn Observer,
    ) -> Result<(), LedgerError> {
        let template = &task.definition.template;
        let step = template.steps.get(claim.place).ok_or_else(|| {
            LedgerError::Inconsistent(format!("definition has no step {} of step {}", claim.place, claim.step_id))
        })?;
        let cancelled = CancellationToken::new();
        let Claim { step_id, task_id, token, place, attempt, attempts_allowed, parents, previous_results } = claim;
        let parent_results = parents
            .iter()
            .filter_map(|parent| task.results.get(parent))
            .filter_map(|(named_step, results)| {
                Some((task.definition.step_name(*named_step)?.to_owned(), results.clone()))
            })
            .collect();
        let context = StepContext::builder(step.name.clone())
            .task((task_id, &template.namespace, &template.name, &template.version.to_string()))
            .context(task.context.clone())
            .step_id(step_id)
            .handler_class(step.handler_class.clone())
            .handler_config(step.handler_config.clone())
            .attempt(attempt)
            .retry_limit(attempts_allowed)
            .previous_results(previous_results.map_or_else(Output::empty, Output::raw))
            .parents(parent_results)
            .ancestors(Some(Arc::new(FromLedger(self.ledger.clone()))))
            .cancelled(cancelled.clone())
            .clock(self.clock.clone())
            .build();
        let handler = self.handlers.get(&step.handler_class).cloned();
        let limit = step.timeout_seconds.map(|seconds| Duration::from_millis(seconds.milliseconds));
        let (max_result_bytes, entropy) = (self.max_result_bytes, self.entropy.clone());
        let definition = task.definition.clone();
        let mut held = Held {
            task_id,
            place,
            attempt,
            attempts_allowed,
            definition: definition.clone(),
            token,
            signal: cancelled,
            carried_out_by: None,
        };
        if state.stopping.is_some() {
            state.finished.push(held.handed_back(step_id));
            return Ok(());
        }
        state.executions += 1;
        observer.observe(Progress::StepStarted { task_id, place, attempt });
        let running = state.running.spawn(async move {
            let step = &definition.template.steps[place];
            let ended = match &handler {
                Some(handler) => handle(handler, context, limit, max_result_bytes).await,
                None => Err(StepError::failure(format!(
                    "no handler `{}` is registered with this worker",
                    step.handler_class
                ))),
            };
            let settlement = settle(ended, step, attempt, attempts_allowed, &entropy);
            Finished { task_id, place, attempt, settled: Settled { step_id, token, settlement }, replaced: false }
        });
        held.carried_out_by = Some(running.id());
        state.held.insert(step_id, held);
        Ok(())
    }

    /// Nothing runs here and nothing waits: the task may have been ended by others, or others hold its steps, or held
    /// them and died.
    async fn look_around(&self, state: &State) -> Option<DriveEnd> {
        let task_id = state.task_id?;
        let seen = async {
            let prospect = self.ledger.prospect(task_id).await?;
            for holder in self.ledger.holders(task_id).await? {
                if holder.worker_id != self.id && holder.lease_left.is_zero() {
                    take_over_from(&self.ledger, &self.entropy, self.clock.record_time(), &holder).await?;
                }
            }
            prospect.ok_or_else(|| LedgerError::Inconsistent(format!("task {task_id} is gone")))
        };
        match seen.await {
            Ok(Prospect::AtRest) => Some(DriveEnd::Ended { task_id, executions: state.executions }),
            Ok(Prospect::GoesOn) => None,
            Ok(Prospect::Nothing) => Some(DriveEnd::Stuck { task_id }),
            Err(error) => Some(DriveEnd::Failed { task_id: Some(task_id), error }),
        }
    }
}

impl Held {
    fn handed_back(self, step_id: i64) -> Finished {
        self.finished(step_id, Settlement::HandBack { note: "handed_back" })
    }

    fn finished(self, step_id: i64, settlement: Settlement) -> Finished {
        let settled = Settled { step_id, token: self.token, settlement };
        Finished { task_id: self.task_id, place: self.place, attempt: self.attempt, settled, replaced: false }
    }
}

struct TaskOf<'a> {
    definition: &'a Arc<Definition>,
    context: &'a Arc<Output>,
    results: &'a HashMap<i64, (i32, Arc<Output>)>,
}

fn told(finished: Finished, refused: &[i64], halted: &[i64]) -> Progress {
    let Finished { task_id, place, attempt, settled, .. } = finished;
    if refused.contains(&settled.step_id) {
        return Progress::OutcomeRefused { task_id, place };
    }
    match settled.settlement {
        Settlement::Success { .. } => Progress::StepSucceeded { task_id, place, attempt },
        Settlement::Retry { error, .. } if halted.contains(&task_id) => {
            Progress::StepDied { task_id, place, attempt, permanent: false, error: message(&error) }
        }
        Settlement::Retry { error, wait, .. } => {
            Progress::StepWillRetry { task_id, place, attempt, wait, error: message(&error) }
        }
        Settlement::Exhausted { error, .. } => {
            Progress::StepDied { task_id, place, attempt, permanent: false, error: message(&error) }
        }
        Settlement::Permanent { error } => {
            Progress::StepDied { task_id, place, attempt, permanent: true, error: message(&error) }
        }
        Settlement::HandBack { .. } => Progress::StepHandedBack { task_id, place },
    }
}

/// The `error` key of what is stored for a failure.
fn message(error: &RawValue) -> String {
    #[derive(serde::Deserialize)]
    struct Stored {
        error: String,
    }
    serde_json::from_str::<Stored>(error.get()).map_or_else(|_| error.get().to_owned(), |stored| stored.error)
}

/// Results of further ancestors, from the record.
struct FromLedger(Ledger);

impl AncestorResults for FromLedger {
    fn fetch<'a>(
        &'a self,
        task_id: i64,
        step_name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Output>, StepError>> + Send + 'a>> {
        Box::pin(async move { Ok(self.0.step_results(task_id, step_name).await?.map(Output::raw)) })
    }
}
