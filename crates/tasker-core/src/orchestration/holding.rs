//! What a worker holds: claims whose attempts run, and attempts that have ended and await their exchange.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::NaiveDateTime;
use tasker_postgres::ledger::{Settled, Settlement};
use tokio_util::sync::CancellationToken;

use super::definitions::Definition;
use crate::events::Group;
use crate::step_handler::Output;

/// An attempt that has ended and awaits its exchange.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) task_id: i64,
    pub(crate) place: usize,
    pub(crate) attempt: u32,
    pub(crate) attempts_allowed: u32,
    pub(crate) definition: Arc<Definition>,
    /// The context of its task.
    pub(crate) context: Arc<Output>,
    /// The instant of its claim (UTC).
    pub(crate) begun: NaiveDateTime,
    pub(crate) settled: Settled,
    /// What began together with it, where somebody wants to be told.
    pub(crate) group: Option<Arc<Group>>,
    /// Whether the database refused its outcome and this one stands in for it.
    pub(crate) replaced: bool,
}

impl Finished {
    /// About how much it adds to a call.
    pub(crate) fn bytes(&self) -> usize {
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
#[derive(Debug)]
pub(super) struct Held {
    pub(super) task_id: i64,
    pub(super) place: usize,
    pub(super) attempt: u32,
    pub(super) attempts_allowed: u32,
    pub(super) definition: Arc<Definition>,
    /// The context of its task.
    pub(super) context: Arc<Output>,
    pub(super) token: i32,
    /// The instant of its claim (UTC).
    pub(super) begun: NaiveDateTime,
    /// What began together with it, where somebody wants to be told.
    pub(super) group: Option<Arc<Group>>,
    /// Tells the handler to stop.
    pub(super) signal: CancellationToken,
    /// The task of the runtime that carries it out; nothing before there is one.
    pub(super) carried_out_by: Option<tokio::task::Id>,
}

impl Held {
    pub(super) fn handed_back(self, step_id: i64) -> Finished {
        self.finished(step_id, Settlement::HandBack { note: "handed_back" })
    }

    pub(super) fn finished(self, step_id: i64, settlement: Settlement) -> Finished {
        Finished {
            task_id: self.task_id,
            place: self.place,
            attempt: self.attempt,
            attempts_allowed: self.attempts_allowed,
            definition: self.definition,
            context: self.context,
            begun: self.begun,
            settled: Settled { step_id, token: self.token, settlement },
            group: self.group,
            replaced: false,
        }
    }
}

/// What runs, by step. The heartbeat looks at it, too: it tells handlers to stop whose claims are no longer the worker's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holding {
    by_step: Arc<Mutex<HashMap<i64, Held>>>,
}

impl Holding {
    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Held>> {
        // Nothing is left half done under this lock.
        self.by_step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, step_id: i64, held: Held) {
        self.lock().insert(step_id, held);
    }

    pub(super) fn remove(&self, step_id: i64) -> Option<Held> {
        self.lock().remove(&step_id)
    }

    /// Takes out what this task of the runtime carried out.
    pub(super) fn remove_carried_out_by(&self, id: tokio::task::Id) -> Option<(i64, Held)> {
        let mut held = self.lock();
        let step_id = held.iter().find(|(_, held)| held.carried_out_by == Some(id)).map(|(&step_id, _)| step_id)?;
        held.remove(&step_id).map(|held| (step_id, held))
    }

    pub(super) fn take_all(&self) -> Vec<(i64, Held)> {
        self.lock().drain().collect()
    }

    /// Whether a step of this task runs.
    pub(super) fn has_task(&self, task_id: i64) -> bool {
        self.lock().values().any(|held| held.task_id == task_id)
    }

    /// Tells everything to stop that the worker holds.
    pub(super) fn signal_all(&self) {
        self.lock().values().for_each(|held| held.signal.cancel());
    }

    /// Tells the steps of a task to stop.
    pub(super) fn signal_task(&self, task_id: i64) {
        self.lock().values().filter(|held| held.task_id == task_id).for_each(|held| held.signal.cancel());
    }

    /// Steps and tokens of everything that runs.
    pub(crate) fn claims(&self) -> Vec<(i64, i32)> {
        self.lock().iter().map(|(&step_id, held)| (step_id, held.token)).collect()
    }

    /// Tells these steps to stop, as far as they still run under the same claim.
    pub(crate) fn signal(&self, claims: &[(i64, i32)]) {
        let held = self.lock();
        for (step_id, token) in claims {
            if let Some(held) = held.get(step_id).filter(|held| held.token == *token) {
                held.signal.cancel();
            }
        }
    }
}
