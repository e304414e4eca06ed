//! What a worker hands over after a commit, for events to be made of it elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::NaiveDateTime;
use serde_json::value::RawValue;
use tasker_domain::correlation::CorrelationId;
use tasker_postgres::ledger::Ended;

use crate::orchestration::Definition;
use crate::step_handler::Output;

/// What one commit made true.
#[derive(Debug)]
pub(crate) struct Commit {
    /// The instant (UTC) that its rows carry.
    pub(crate) instant: NaiveDateTime,
    pub(crate) correlation_id: Option<CorrelationId>,
    pub(crate) facts: Vec<Fact>,
    /// About how many bytes it holds.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
pub(crate) enum Fact {
    Created { task_id: i64 },
    Settled(SettledStep),
    GroupEnded { group: Arc<Group> },
    Ended { task_id: i64, ended: Ended },
    Parked { task_id: i64 },
    Taken(TakenSteps),
}

/// An attempt that has ended.
#[derive(Debug)]
pub(crate) struct SettledStep {
    pub(crate) step: ToldStep,
    /// When it began (UTC).
    pub(crate) begun: NaiveDateTime,
    pub(crate) how: How,
}

#[derive(Debug)]
pub(crate) enum How {
    Succeeded { results: Box<RawValue> },
    Failed { error: Box<RawValue>, then: Then },
    HandedBack { note: &'static str },
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Then {
    /// Another attempt after this many seconds; whether the failure itself asked for the wait.
    Retry { seconds: f64, asked: bool },
    /// Nothing: no attempts are left.
    Exhausted,
    /// Nothing: it failed for good, or its task claims nothing more.
    Nothing,
}

/// Which step, and which attempt of it.
#[derive(Debug, Clone)]
pub(crate) struct ToldStep {
    pub(crate) task_id: i64,
    pub(crate) step_id: i64,
    pub(crate) place: usize,
    pub(crate) attempt: u32,
    pub(crate) attempts_allowed: u32,
    pub(crate) definition: Arc<Definition>,
}

/// Steps of one task that a worker took in one call.
#[derive(Debug)]
pub(crate) struct TakenSteps {
    pub(crate) task_id: i64,
    /// Whether the worker had nothing of the task before.
    pub(crate) begins: bool,
    pub(crate) context: Arc<Output>,
    pub(crate) steps: Vec<ToldStep>,
}

/// Attempts that a worker began together.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) task_id: i64,
    pub(crate) task_name: String,
    pub(crate) steps: usize,
    ended: AtomicUsize,
    succeeded: AtomicUsize,
}

impl Group {
    pub(crate) fn new(task_id: i64, task_name: String, steps: usize) -> Arc<Self> {
        Arc::new(Self { task_id, task_name, steps, ended: AtomicUsize::new(0), succeeded: AtomicUsize::new(0) })
    }

    /// Counts the end of one of them; true with the last.
    pub(crate) fn end_one(&self, succeeded: bool) -> bool {
        self.succeeded.fetch_add(usize::from(succeeded), Ordering::Relaxed);
        self.ended.fetch_add(1, Ordering::Relaxed) + 1 == self.steps
    }

    pub(crate) fn succeeded(&self) -> usize {
        self.succeeded.load(Ordering::Relaxed)
    }
}
