//! The exchange as Rust sees it: outcomes and new tasks in, claims out, one round trip, one commit.

use std::collections::HashMap;
use std::time::Duration;

use chrono::NaiveDateTime;
use serde_json::value::RawValue;

use super::{DefinitionId, WorkerId};

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
    /// Whether no child of these steps has other parents, so that nobody's results have to be looked for. False where the
    /// caller does not know.
    pub only_parents: bool,
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
            only_parents: false,
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
    /// Results of the claims' parents that travelled along, by task and named step. Those of steps whose success this call
    /// handed in are not among them: the caller knows them.
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
    /// Lanes were made, paused or resumed; nothing is claimed from any before the caller [asks](super::Ledger::lanes) again.
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
pub(super) struct Columns<'a> {
    pub(super) steps: Vec<i64>,
    pub(super) tokens: Vec<i32>,
    pub(super) kinds: Vec<&'static str>,
    pub(super) results: Vec<&'a str>,
    pub(super) waits: Vec<f64>,
    pub(super) asked: Vec<Option<i32>>,
    pub(super) notes: Vec<Option<&'static str>>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(outcomes: &'a [Settled]) -> Self {
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
