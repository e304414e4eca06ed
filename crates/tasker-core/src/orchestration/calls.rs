//! One exchange of a worker: what it carries, how it is made again when its answer was lost, and what its answer changes.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tasker_domain::code::Coded;
use tasker_postgres::ledger::{
    Created, EXCHANGE_BYTES, EXCHANGE_OUTCOMES, Exchange, LedgerError, NewTask, Reply, Settled, Settlement,
};
use tracing::Instrument;

use super::batching::Share;
use super::claims::Known;
use super::definitions::Definition;
use super::holding::Finished;
use super::progress::{Observer, Progress};
use super::worker::{Asked, DriveEnd, Goal, State, Worker};
use crate::annotator;
use crate::clock::{Clock, SystemClock};
use crate::events::Told;

/// Of this many calls one leaves the steps that it unlocks to the line, so that who has waited there longest gets its
/// turn whatever the worker is busy with, and goes round the lanes instead of to the one that has waited longest.
const TURN_OF_OTHERS: i32 = 16;

/// How long calls are careful after somebody held rows.
const CAREFUL_FOR: Duration = Duration::from_secs(5);

/// The waits before a call is made again whose answer was lost: from the first to the last, doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LAST_WAIT: Duration = Duration::from_secs(5);

/// A call and what came of it.
pub(super) struct Answered {
    /// Its number.
    pub(super) call: i32,
    /// The tasks whose outcomes it carried.
    pub(super) share: Share,
    pub(super) batch: Vec<Finished>,
    /// The tasks it was to create.
    pub(super) asked: Vec<Asked>,
    /// Whether it was made more than once.
    pub(super) repeated: bool,
    /// How many claims it asked for.
    pub(super) expected: usize,
    pub(super) reply: Result<Reply, LedgerError>,
}

pub(super) type InFlight = Pin<Box<dyn Future<Output = Answered> + Send>>;

impl Worker {
    /// Starts an exchange with as much of the share as one call may carry.
    pub(super) fn exchange(&self, state: &mut State, share: Share) -> InFlight {
        let batch = take_batch(state, share);
        let busy =
            state.annotating.len() + state.running.len() + state.finished.len() + state.resting.len() + state.expected;
        let takes = state.stopping.is_none() && !state.draining && !state.one_by_one && !state.lanes_changed;
        let want = if takes { self.concurrency.saturating_sub(busy) } else { 0 };
        state.expected += want;
        state.calls += 1;
        state.unanswered.push(state.calls);
        state.in_flight.push(share);
        let others_turn = state.goal == Goal::Everything && state.calls % TURN_OF_OTHERS == 0;
        let mut lanes = self.lanes.clone();
        if others_turn && !lanes.is_empty() {
            let first = (state.calls / TURN_OF_OTHERS).unsigned_abs() as usize % lanes.len();
            lanes.rotate_left(first);
        }
        let careful = state.careful_until.is_some_and(|until| self.clock.elapsed() < until);
        let asked = std::mem::take(&mut state.create);
        let wake = std::mem::take(&mut state.wake);
        let sleep = state.goal == Goal::Everything && state.is_empty() && batch.is_empty() && want > 0;
        state.ask = false;
        let task = match state.goal {
            Goal::Advance(task_id) => Some(task_id),
            Goal::Task(_) | Goal::Everything => None,
        };
        let (ledger, exchanger, label, worker, call) =
            (self.ledger.clone(), self.exchanger.clone(), self.label.clone(), self.id, state.calls);
        let (now, outlives_outages) = (self.clock.record_time(), self.outlives_outages);
        Box::pin(async move {
            let create: Vec<NewTask> = asked.iter().map(|asked| asked.task.clone()).collect();
            let outcomes: Vec<Settled> = batch.iter().map(|finished| finished.settled.clone()).collect();
            let only_parents = batch.iter().all(|finished| finished.definition.is_only_parent(finished.place));
            let mut exchange = Exchange {
                call,
                careful,
                outcomes: &outcomes,
                only_parents,
                want,
                handover: if others_turn { 0 } else { want },
                lanes: &lanes,
                fair: others_turn,
                task,
                wake,
                sleep,
                tasks: &create,
                now,
                ..Exchange::new(worker, &label)
            };
            // Outages pass in real time, whatever clock the rest works by.
            let real = SystemClock::new();
            let mut wait = FIRST_WAIT;
            let reply = loop {
                let reply = match &exchanger {
                    Some(exchanger) => exchanger.exchange(&exchange).await,
                    None => ledger.exchange(&exchange).await,
                };
                match reply {
                    Err(error) if error.may_pass() && outlives_outages => {
                        tracing::warn!(%error, code = %error.code(), call, "no answer from the database; the call is made again");
                        real.sleep(wait).await;
                        wait = (wait * 2).min(LAST_WAIT);
                        exchange.repeat = true;
                    }
                    reply => break reply,
                }
            };
            let repeated = exchange.repeat;
            Answered { call, share, batch, asked, repeated, expected: want, reply }
        })
    }

    /// Takes in a reply: tells what is now committed and starts what was claimed.
    pub(super) async fn take(
        &mut self,
        state: &mut State,
        batch: Vec<Finished>,
        asked: Vec<Asked>,
        repeated: bool,
        reply: Reply,
        observer: &dyn Observer,
    ) -> Option<DriveEnd> {
        let mut told = self.telling.begin(&reply);
        let end = self.take_in(state, batch, asked, repeated, reply, observer, told.as_mut()).await;
        self.telling.add(told, &state.unanswered);
        end
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one answer and those who are told of it")]
    async fn take_in(
        &mut self,
        state: &mut State,
        batch: Vec<Finished>,
        mut asked: Vec<Asked>,
        repeated: bool,
        reply: Reply,
        observer: &dyn Observer,
        mut told: Option<&mut Told>,
    ) -> Option<DriveEnd> {
        for created in &reply.created {
            let Some(asked) = asked.get_mut(created.place) else {
                let error = LedgerError::Inconsistent("the exchange created a task that was not asked for".to_owned());
                return Some(DriveEnd::Failed { task_id: state.task_id(), error });
            };
            // A key that was made for this task and stands there was written by an earlier try of this call.
            let is_new = created.created || repeated && asked.key_is_new;
            if is_new {
                observer.observe(Progress::TaskCreated { task_id: created.task_id });
                if let Some(told) = told.as_deref_mut() {
                    told.created(created.task_id);
                }
            }
            if let Some(answer) = asked.answer.take() {
                // Who asked may have gone meanwhile; the task stands all the same.
                let _nobody_waits = answer.send(Created { created: is_new, ..*created }).is_err();
            }
            if state.goal == Goal::Task(None) {
                if !is_new {
                    return Some(DriveEnd::Duplicate { task_id: created.task_id });
                }
                state.goal = Goal::Task(Some(created.task_id));
                self.lanes.push(-created.task_id);
            }
        }
        if reply.careful {
            state.careful_until = Some(self.clock.elapsed() + CAREFUL_FOR);
        }
        let (held, settled): (Vec<Finished>, Vec<Finished>) =
            batch.into_iter().partition(|finished| reply.held.contains(&finished.settled.step_id));
        if !held.is_empty() {
            self.rest(state, held);
        }
        let types = self.types_of(&settled);
        let known = if reply.claims.is_empty() { Known::default() } else { Known::of(&settled, &reply.refused) };
        let mut goes_on_with = HashSet::new();
        for finished in settled {
            if let Some(told) = told.as_deref_mut() {
                goes_on_with.insert(finished.task_id);
                if reply.refused.contains(&finished.settled.step_id) {
                    told.ended_in_its_group(finished.group.as_ref(), false);
                } else {
                    told.settled(&finished, reply.halted.contains(&finished.task_id));
                }
            }
            observer.observe(progress_of(finished, &reply.refused, &reply.halted));
        }
        for task_id in &reply.halted {
            self.holding.signal_task(*task_id);
        }
        // Who works a single task serves no common lane.
        state.lanes_changed |= reply.lanes_changed && state.goal == Goal::Everything;
        let until = |due: chrono::NaiveDateTime| (due - reply.instant).to_std().unwrap_or(Duration::ZERO);
        state.next_due = reply.next_due.map(|due| self.clock.elapsed() + until(due));
        for &task_id in &reply.parked {
            observer.observe(Progress::TaskParked { task_id, wait: reply.next_due.map(until) });
            if let Some(told) = told.as_deref_mut() {
                told.parked(task_id);
            }
            self.annotate(state, task_id, &types);
        }
        let mut end = None;
        for &(task_id, ended) in &reply.ended {
            observer.observe(Progress::TaskEnded { task_id, ended });
            if let Some(told) = told.as_deref_mut() {
                told.ended(task_id, ended);
            }
            self.annotate(state, task_id, &types);
            if state.task_id() == Some(task_id) {
                end = Some(DriveEnd::Ended { task_id, executions: state.executions });
            }
        }
        if end.is_some() {
            return end;
        }
        let due = reply.next_due.map(until);
        if let Err(error) = self.start(state, reply, told, &goes_on_with, known, observer).await {
            return Some(DriveEnd::Failed { task_id: state.task_id(), error });
        }
        // Nothing of the task runs here, nothing was claimed, nothing is to be handed in: that is how far it goes now.
        let idle = state.running.is_empty() && state.finished.is_empty() && state.resting.is_empty();
        if matches!(state.goal, Goal::Advance(_)) && idle && state.expected == 0 && state.stopping.is_none() {
            return Some(DriveEnd::Rests { due });
        }
        None
    }

    /// The definitions of the tasks that these were steps of; none where nobody makes notes.
    fn types_of(&self, settled: &[Finished]) -> HashMap<i64, Arc<Definition>> {
        if !self.handlers.has_annotators() {
            return HashMap::new();
        }
        settled.iter().map(|finished| (finished.task_id, finished.definition.clone())).collect()
    }

    /// Has notes made on a task of which it was decided what becomes of it, where somebody makes some.
    fn annotate(&self, state: &mut State, task_id: i64, types: &HashMap<i64, Arc<Definition>>) {
        let Some(definition) = types.get(&task_id) else { return };
        let Some(annotator) = self.handlers.annotator(&definition.template.namespace, &definition.template.name) else {
            return;
        };
        let (ledger, clock, annotator) = (self.ledger.clone(), self.clock.clone(), annotator.clone());
        let noting = async move {
            if let Err(error) = annotator::annotate(&ledger, &*clock, &*annotator, task_id).await {
                tracing::error!(%error, code = %error.code(), task_id, "no annotations were stored; `Tasker::annotate` asks for them again");
            }
        };
        state.annotating.spawn(noting.in_current_span());
    }
}

/// Takes out as many of the share's outcomes as one call may carry, the oldest first.
fn take_batch(state: &mut State, share: Share) -> Vec<Finished> {
    let most = if state.one_by_one { 1 } else { EXCHANGE_OUTCOMES };
    let (mut batch, mut left, mut bytes) = (Vec::new(), Vec::new(), 0);
    for finished in std::mem::take(&mut state.finished) {
        let size = finished.bytes();
        let fits = batch.is_empty() || batch.len() < most && bytes + size <= EXCHANGE_BYTES;
        if share.has(finished.task_id) && fits {
            bytes += size;
            batch.push(finished);
        } else {
            left.push(finished);
        }
    }
    state.finished = left;
    state.one_by_one = state.one_by_one && !state.finished.is_empty();
    batch
}

fn progress_of(finished: Finished, refused: &[i64], halted: &[i64]) -> Progress {
    let Finished { task_id, place, attempt, settled, .. } = finished;
    if refused.contains(&settled.step_id) {
        return Progress::OutcomeRefused { task_id, place };
    }
    match settled.settlement {
        Settlement::Success { .. } if attempt == 0 => Progress::StepBypassed { task_id, place },
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
