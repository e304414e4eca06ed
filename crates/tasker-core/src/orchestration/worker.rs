//! The worker's loop: finished steps and new claims travel in the same call. While exchanges are in flight, finished
//! steps gather for the next, so batches grow with load and an idle worker commits at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tasker_domain::code::Coded;
use tasker_domain::correlation::CorrelationId;
use tasker_domain::retry::AskedWait;
use tasker_domain::verdict::{self, FailedAttempt, Failure};
use tasker_postgres::ledger::{
    Created, Exchanger, Ledger, LedgerError, NewTask, Prospect, Reply, Settlement, WorkerId,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::attempt::{settle, settlement};
use super::batching::{Share, Waiting};
use super::calls::{Answered, InFlight};
use super::definitions::Definitions;
use super::holding::{Finished, Held, Holding};
use super::progress::Observer;
use super::take_over::take_over_from;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::events::Telling;
use crate::registry::Handlers;
use crate::step_handler::{Output, StepError};

/// How long handlers that were told to stop have to end before they are dropped.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// How often a worker looks whether there is something to do that nobody told it of.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Most tasks that one call creates.
const TASKS_A_CALL: usize = 500;

/// How long an outcome rests whose rows somebody else holds.
const HELD_REST: Duration = Duration::from_millis(200);

/// What one worker works with.
pub(crate) struct Worker {
    pub(crate) ledger: Ledger,
    /// Connections of its own for exchanges; the pool's otherwise.
    pub(crate) exchanger: Option<Exchanger>,
    pub(crate) id: WorkerId,
    pub(crate) label: String,
    pub(crate) handlers: Handlers,
    pub(crate) definitions: Definitions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Entropy,
    pub(crate) concurrency: usize,
    pub(crate) max_result_bytes: usize,
    pub(crate) lanes: Vec<i64>,
    /// What it holds at this moment.
    pub(crate) holding: Holding,
    /// The word under which everything that it does is found in logs.
    pub(crate) correlation_id: CorrelationId,
    /// How many exchanges may be in flight at a time.
    pub(crate) calls_at_a_time: usize,
    /// Tells those who subscribed what happens.
    pub(crate) telling: Telling,
    /// Whether a call whose answer was lost is made again until it is answered; otherwise the drive ends.
    pub(crate) outlives_outages: bool,
}

/// What a worker works for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The end of one task: the given one, or the one that is created with the first call.
    Task(Option<i64>),
    /// One task as far as it goes at this moment.
    Advance(i64),
    /// Everything in its lanes, until it is told to stop.
    Everything,
}

/// What a worker is driven by.
pub(crate) struct Drive<'a> {
    /// Tasks to create with the first exchange.
    pub(crate) create: Vec<NewTask>,
    /// Where tasks come from that are to be created with the next call.
    pub(crate) inbox: Option<&'a mut mpsc::Receiver<Asked>>,
    /// When the drive ends.
    pub(crate) goal: Goal,
    /// Who is told.
    pub(crate) observer: &'a dyn Observer,
    /// Signalled to claim nothing more and to end when what runs has ended.
    pub(crate) drain: &'a CancellationToken,
    /// Signalled to stop: what runs is cancelled and handed back.
    pub(crate) stop: &'a CancellationToken,
    /// Signalled when others have declared the worker lost.
    pub(crate) lost: &'a CancellationToken,
    /// Signalled when there may be something in the line.
    pub(crate) called: &'a Notify,
}

/// A task that somebody asks a worker to create, and who waits for the answer.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) task: NewTask,
    /// Whether its key was made for it, so that a task of this key can only be this one.
    pub(crate) key_is_new: bool,
    /// Dropped unanswered when the database failed.
    pub(crate) answer: Option<oneshot::Sender<Created>>,
}

/// Why a drive ended.
#[derive(Debug)]
pub(crate) enum DriveEnd {
    /// The task ended.
    Ended { task_id: i64, executions: u64 },
    /// Nothing more of the task can be done now; the earliest step is due after this time, if one waits for a time.
    Rests { due: Option<Duration> },
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

/// What changes while a worker is driven.
pub(super) struct State {
    pub(super) goal: Goal,
    pub(super) finished: Vec<Finished>,
    /// Outcomes whose rows somebody else holds, and when they are tried again, by the clock's elapsed time.
    pub(super) resting: Vec<Finished>,
    pub(super) resting_until: Duration,
    /// Until when calls pass over what others hold.
    pub(super) careful_until: Option<Duration>,
    /// The batch in flight was refused for one of its values: its outcomes go one by one.
    pub(super) one_by_one: bool,
    pub(super) running: JoinSet<Finished>,
    /// Notes that are being made on tasks; each takes the place of a step that could run.
    pub(super) annotating: JoinSet<()>,
    pub(super) create: Vec<Asked>,
    /// Whether an exchange is due even without outcomes, and whether it should wake steps that are due.
    pub(super) ask: bool,
    pub(super) wake: bool,
    /// When the next step is due, by the clock's elapsed time.
    pub(super) next_due: Option<Duration>,
    /// Whether it takes no more claims.
    pub(super) draining: bool,
    /// Since when it is being stopped, by the clock's elapsed time.
    pub(super) stopping: Option<Duration>,
    /// Whether lanes were made, paused or resumed.
    pub(super) lanes_changed: bool,
    pub(super) executions: u64,
    /// Number of the newest call, from 1.
    pub(super) calls: i32,
    /// Calls whose answers are on their way.
    pub(super) unanswered: Vec<i32>,
    /// What each of the calls in flight carries.
    pub(super) in_flight: Vec<Share>,
    /// Claims that calls in flight may bring.
    pub(super) expected: usize,
}

impl State {
    fn new(drive: &mut Drive<'_>) -> Self {
        State {
            goal: drive.goal,
            finished: Vec::new(),
            resting: Vec::new(),
            resting_until: Duration::ZERO,
            careful_until: None,
            one_by_one: false,
            running: JoinSet::new(),
            annotating: JoinSet::new(),
            create: std::mem::take(&mut drive.create)
                .into_iter()
                .map(|task| Asked { task, key_is_new: true, answer: None })
                .collect(),
            ask: true,
            wake: drive.goal != Goal::Task(None),
            next_due: None,
            draining: false,
            stopping: None,
            // which lanes it serves is asked first of all
            lanes_changed: drive.goal == Goal::Everything,
            executions: 0,
            calls: 0,
            unanswered: Vec::new(),
            in_flight: Vec::new(),
            expected: 0,
        }
    }

    /// The task that is worked, if it is one.
    pub(super) fn task_id(&self) -> Option<i64> {
        match self.goal {
            Goal::Task(task_id) => task_id,
            Goal::Advance(task_id) => Some(task_id),
            Goal::Everything => None,
        }
    }

    fn take_asked(&mut self, inbox: &mut mpsc::Receiver<Asked>) {
        while self.create.len() < TASKS_A_CALL
            && let Ok(asked) = inbox.try_recv()
        {
            self.create.push(asked);
        }
    }

    /// Whether what waits for a call is a single thing and nothing runs here that could end and travel along.
    fn is_all_there_is(&self) -> bool {
        self.running.is_empty() && self.in_flight.is_empty() && self.finished.len() + self.create.len() == 1
    }

    /// Whether it holds nothing any more.
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.finished.is_empty() && self.resting.is_empty()
    }
}

impl Worker {
    /// Works until the goal is reached or something else ends the drive. What is logged on the way carries the
    /// correlation id.
    pub(crate) async fn drive(&mut self, drive: Drive<'_>) -> DriveEnd {
        let span = tracing::info_span!("work", correlation_id = %self.correlation_id, worker = self.id);
        let end = self.drive_on(drive).instrument(span).await;
        self.telling.hand_over_all();
        end
    }

    async fn drive_on(&mut self, mut drive: Drive<'_>) -> DriveEnd {
        let mut state = State::new(&mut drive);
        let end = self.drive_until(&mut state, drive).await;
        // What is being noted is noted; each hook has its time limit.
        while state.annotating.join_next().await.is_some() {}
        end
    }

    async fn drive_until(&mut self, state: &mut State, mut drive: Drive<'_>) -> DriveEnd {
        let clock = self.clock.clone();
        let mut in_flight: FuturesUnordered<InFlight> = FuturesUnordered::new();
        loop {
            if state.lanes_changed && state.goal == Goal::Everything {
                match self.ledger.lanes(self.id).await {
                    Ok(lanes) => (self.lanes, state.lanes_changed, state.ask) = (lanes, false, true),
                    Err(error) if error.may_pass() && self.outlives_outages => {}
                    Err(error) => return DriveEnd::Failed { task_id: state.task_id(), error },
                }
            }
            if !state.resting.is_empty() && clock.elapsed() >= state.resting_until {
                state.finished.append(&mut state.resting);
            }
            if let Some(inbox) = drive.inbox.as_deref_mut() {
                state.take_asked(inbox);
            }
            if in_flight.is_empty()
                && state.is_empty()
                && state.create.is_empty()
                && (state.stopping.is_some() || state.draining)
            {
                return DriveEnd::Stopped { task_id: state.task_id(), executions: state.executions };
            }
            if self.next_share(state).is_some() {
                if !state.is_all_there_is() {
                    self.gather_what_ends(state, drive.inbox.as_deref_mut()).await;
                }
                if let Some(share) = self.next_share(state) {
                    in_flight.push(self.exchange(state, share));
                    continue;
                }
            }
            let running = state.running.len();
            let wait = self.longest_wait(state, in_flight.is_empty());
            // What is left of it: ends of other steps meanwhile do not prolong it.
            let stopping_for = state.stopping.map_or(Duration::ZERO, |since| clock.elapsed().saturating_sub(since));
            let grace = STOP_GRACE.saturating_sub(stopping_for);
            let idle = in_flight.is_empty() && state.stopping.is_none();
            tokio::select! {
                biased;
                () = drive.lost.cancelled() => {
                    self.holding.signal_all();
                    return DriveEnd::Lost { task_id: state.task_id() };
                }
                Some(answered) = in_flight.next(), if !in_flight.is_empty() => {
                    if let Some(end) = self.answered(state, answered, drive.observer).await {
                        return end;
                    }
                }
                Some(ended) = state.running.join_next(), if running > 0 => self.gather(state, ended),
                Some(_noted) = state.annotating.join_next(), if !state.annotating.is_empty() => state.ask = true,
                () = drive.stop.cancelled(), if state.stopping.is_none() => {
                    state.stopping = Some(clock.elapsed());
                    self.holding.signal_all();
                }
                () = drive.drain.cancelled(), if !state.draining => state.draining = true,
                () = clock.deadline(grace), if state.stopping.is_some() && running > 0 => {
                    // What does not stop when told is dropped; its steps go back all the same.
                    state.running.abort_all();
                    state.running.detach_all();
                    let left = self.holding.take_all();
                    state.finished.extend(left.into_iter().map(|(step_id, held)| held.handed_back(step_id)));
                }
                Some(asked) = next(&mut drive.inbox), if state.create.len() < TASKS_A_CALL => state.create.push(asked),
                () = drive.called.notified(), if idle => state.ask = true,
                () = clock.idle(wait, running), if idle => {
                    if running == 0
                        && state.next_due.is_none()
                        && let Some(end) = self.look_around(state).await
                    {
                        return end;
                    }
                    state.ask = state.resting.is_empty();
                    state.wake = true;
                }
            }
        }
    }

    /// What the next call carries, if there is to be one now.
    fn next_share(&self, state: &State) -> Option<Share> {
        let at_a_time = if state.one_by_one { 1 } else { self.calls_at_a_time };
        // Asked after each end of a step: what waits is counted only if there may be a call.
        if state.in_flight.len() >= at_a_time {
            return None;
        }
        Waiting::of(&state.finished, state.create.len(), state.ask).next(&state.in_flight, at_a_time, self.concurrency)
    }

    /// Others that end in this very moment travel along, and tasks that are being asked for: handlers that have nothing to
    /// wait for would otherwise fill many small calls. It ends when two turns of the runtime have brought nothing.
    async fn gather_what_ends(&self, state: &mut State, mut inbox: Option<&mut mpsc::Receiver<Asked>>) {
        let mut idle_turns = 0;
        while idle_turns < 2 {
            tokio::task::yield_now().await;
            let before = state.finished.len() + state.create.len();
            while let Some(ended) = state.running.try_join_next_with_id() {
                self.gather(state, ended.map(|(_, finished)| finished));
            }
            if let Some(inbox) = inbox.as_deref_mut() {
                state.take_asked(inbox);
            }
            idle_turns = if state.finished.len() + state.create.len() > before { 0 } else { idle_turns + 1 };
        }
    }

    /// How long nothing has to be asked; nothing where only a step that runs can change something.
    fn longest_wait(&self, state: &State, idle: bool) -> Option<Duration> {
        if !idle {
            return None;
        }
        let elapsed = self.clock.elapsed();
        let due = state.next_due.map(|due| due.saturating_sub(elapsed));
        let resting = (!state.resting.is_empty()).then(|| state.resting_until.saturating_sub(elapsed));
        let has_room = state.running.len() < self.concurrency && !state.draining;
        let look = match state.goal {
            Goal::Everything => has_room.then_some(LOOK_AGAIN),
            Goal::Task(_) | Goal::Advance(_) => {
                (due.is_none() && resting.is_none() && state.running.is_empty()).then_some(LOOK_AGAIN)
            }
        };
        [due.filter(|_| has_room), resting, look].into_iter().flatten().min()
    }

    pub(super) fn gather(&self, state: &mut State, ended: Result<Finished, JoinError>) {
        match ended {
            Ok(mut finished) => {
                self.holding.remove(finished.settled.step_id);
                if state.stopping.is_some() && !matches!(finished.settled.settlement, Settlement::Success { .. }) {
                    // It failed because it was told to stop: that is no failure of the step.
                    finished.settled.settlement = Settlement::HandBack { note: "handed_back" };
                }
                state.finished.push(finished);
            }
            // Panics of a handler are caught inside, but not one of its destructors; its step fails all the same.
            Err(error) => {
                let Some((step_id, held)) = self.holding.remove_carried_out_by(error.id()) else {
                    tracing::error!(%error, "an attempt ended that nobody had begun");
                    return;
                };
                state.finished.push(self.ended_without_outcome(step_id, held, &error));
            }
        }
    }

    fn ended_without_outcome(&self, step_id: i64, held: Held, error: &JoinError) -> Finished {
        let failure = StepError::panic(format!("the attempt ended without an outcome: {error}"));
        let step = &held.definition.template.steps[held.place];
        let settlement = settle(Err(failure), step, held.attempt, held.attempts_allowed, &self.entropy);
        held.finished(step_id, settlement)
    }

    async fn answered(&mut self, state: &mut State, answered: Answered, observer: &dyn Observer) -> Option<DriveEnd> {
        let Answered { call, share, batch, asked, repeated, expected, reply } = answered;
        if let Some(place) = state.in_flight.iter().position(|&carried| carried == share) {
            state.in_flight.swap_remove(place);
        }
        state.expected -= expected;
        state.unanswered.retain(|&unanswered| unanswered != call);
        let end = self.answered_with(state, batch, asked, repeated, reply, observer).await;
        self.telling.hand_over(&state.unanswered);
        end
    }

    async fn answered_with(
        &mut self,
        state: &mut State,
        batch: Vec<Finished>,
        asked: Vec<Asked>,
        repeated: bool,
        reply: Result<Reply, LedgerError>,
        observer: &dyn Observer,
    ) -> Option<DriveEnd> {
        match reply {
            Ok(reply) => self.take(state, batch, asked, repeated, reply, observer).await,
            // An outcome of our own making that is refused, too, would be sent for ever.
            Err(LedgerError::InvalidValue(_)) if batch.len() > 1 || batch.iter().any(|one| !one.replaced) => {
                // Nothing of the call stands: what was to be created goes with the next.
                state.create.extend(asked);
                isolate(state, batch);
                None
            }
            // What is held or worked on by others at every try is tried again by and by.
            Err(LedgerError::Held(error) | LedgerError::Contended(error)) if self.outlives_outages => {
                tracing::warn!(%error, "others stood in the way; the call is made again");
                state.create.extend(asked);
                self.rest(state, batch);
                None
            }
            // Rows that do not fit the record and cannot be rebuilt from it are one task's: the others go on.
            Err(error @ LedgerError::Changed { .. }) if self.outlives_outages => {
                tracing::warn!(%error, code = %error.code(), "the side tables do not fit the record; the call is made again");
                state.create.extend(asked);
                match batch.len() {
                    0 | 1 => self.rest(state, batch),
                    _ => isolate(state, batch),
                }
                None
            }
            Err(LedgerError::Busy(tasks)) if self.outlives_outages => {
                tracing::warn!(?tasks, "tasks are being worked on by others; the call is made again");
                state.create.extend(asked);
                self.rest(state, batch);
                None
            }
            Err(error) => Some(DriveEnd::Failed { task_id: state.task_id(), error }),
        }
    }

    /// Keeps outcomes back whose rows somebody else holds.
    pub(super) fn rest(&self, state: &mut State, held: Vec<Finished>) {
        state.resting.extend(held);
        state.resting_until = self.clock.elapsed() + HELD_REST;
    }

    /// Nothing runs here and nothing waits: the task may have been ended by others, or others hold its steps, or held
    /// them and died.
    async fn look_around(&self, state: &State) -> Option<DriveEnd> {
        let Goal::Task(Some(task_id)) = state.goal else {
            return None;
        };
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

/// The next task that somebody asks for; never where nobody can ask.
async fn next(inbox: &mut Option<&mut mpsc::Receiver<Asked>>) -> Option<Asked> {
    match inbox {
        Some(inbox) => inbox.recv().await,
        None => std::future::pending().await,
    }
}

/// The database refused a value of this batch: everything goes again, one by one; what is refused alone fails its own
/// step and no other.
fn isolate(state: &mut State, mut batch: Vec<Finished>) {
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
