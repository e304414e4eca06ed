//! Readiness as our engine has it.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::backoff;
use super::recorded::RecordedStep;
use super::rows::{DEFAULT_RETRY_LIMIT, StepFacts, StepRow};
use super::semantics::{Judged, Parents, Semantics, sealed};
use crate::state::StepState;

/// The semantics that our engine runs by. A step's state and its attempts decide, never the original's marks `in_process`
/// and `processed`; a step that has not run yet may always run, also where no retry is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tasker {}

/// Where a step stands. As JSON an object with the key `standing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// It has ended well: complete, or settled by a person.
    Finished,
    /// An attempt is under way.
    Running,
    /// It can be carried out now.
    Ready,
    /// It failed and is tried again at an instant to come.
    Waiting {
        /// The instant, UTC.
        until: NaiveDateTime,
    },
    /// It waits for steps that have not ended well.
    Held {
        /// Number of edges from such steps.
        unmet: usize,
    },
    /// It will not be carried out again.
    Dead {
        /// Why.
        cause: DeathCause,
    },
    /// Its history ends with a word that is no state: another program wrote it, and nothing is done with the step.
    Unreadable,
}

/// Why a step is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeathCause {
    /// Its attempts are used up.
    Exhausted,
    /// It failed for good, or may not be retried.
    Permanent,
    /// It was called off.
    Cancelled,
}

/// How many steps of a task stand where. Every step is in one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingCounts {
    /// Ended well.
    pub finished: usize,
    /// Under way.
    pub running: usize,
    /// Can be carried out now.
    pub ready: usize,
    /// Wait for an instant.
    pub waiting: usize,
    /// Wait for other steps.
    pub held: usize,
    /// Will not be carried out again.
    pub dead: usize,
    /// In a state that is none.
    pub unreadable: usize,
}

impl StandingCounts {
    /// All steps.
    pub fn total(&self) -> usize {
        self.finished + self.remaining()
    }

    /// Steps that have not ended well: the task is complete when there are none.
    pub fn remaining(&self) -> usize {
        self.running + self.ready + self.waiting + self.held + self.dead + self.unreadable
    }

    /// Steps from which something can still come: the task is in error when something remains and there are none. A
    /// `halted` task starts nothing new, so that only what runs counts.
    pub fn alive(&self, halted: bool) -> usize {
        if halted { self.running } else { self.running + self.ready + self.waiting }
    }

    fn place(&mut self, standing: &Standing) -> &mut usize {
        match standing {
            Standing::Finished => &mut self.finished,
            Standing::Running => &mut self.running,
            Standing::Ready => &mut self.ready,
            Standing::Waiting { .. } => &mut self.waiting,
            Standing::Held { .. } => &mut self.held,
            Standing::Dead { .. } => &mut self.dead,
            Standing::Unreadable => &mut self.unreadable,
        }
    }
}

impl sealed::Sealed for Tasker {}

impl Semantics for Tasker {
    type Answer = Standing;
    type Counts = StandingCounts;

    fn judge(step: &StepRow, parents: Parents, now: NaiveDateTime) -> Judged<Standing> {
        let facts = &step.facts;
        let stays = |answer| Judged { answer, turns_at: None };
        let state = match facts.newest.as_ref().map(|newest| &newest.state) {
            None => StepState::Pending,
            Some(RecordedStep::Known(state)) => *state,
            Some(RecordedStep::Other(_)) => return stays(Standing::Unreadable),
        };
        let held = Standing::Held { unmet: parents.total - parents.finished };
        match state {
            StepState::Complete | StepState::ResolvedManually => stays(Standing::Finished),
            StepState::Cancelled => stays(Standing::Dead { cause: DeathCause::Cancelled }),
            StepState::InProgress => stays(Standing::Running),
            StepState::Pending if parents.are_finished() => stays(Standing::Ready),
            StepState::Pending => stays(held),
            StepState::Error => {
                if let Some(cause) = death_after_failure(facts) {
                    return stays(Standing::Dead { cause });
                }
                if !parents.are_finished() {
                    return stays(held);
                }
                let Some(until) = next_run_at(facts) else { return stays(Standing::Ready) };
                let answer = if until <= now { Standing::Ready } else { Standing::Waiting { until } };
                Judged { answer, turns_at: Some(until) }
            }
        }
    }

    fn count(counts: &mut StandingCounts, answer: &Standing) {
        *counts.place(answer) += 1;
    }

    fn discount(counts: &mut StandingCounts, answer: &Standing) {
        *counts.place(answer) -= 1;
    }
}

/// Why a failed step is not tried again; none when it is.
fn death_after_failure(facts: &StepFacts) -> Option<DeathCause> {
    if facts.retryable == Some(false) {
        return Some(DeathCause::Permanent);
    }
    let (attempts, allowed) = match &facts.engine {
        Some(engine) => (engine.attempts, engine.attempts_allowed),
        None => (facts.attempts.unwrap_or(0), facts.retry_limit.unwrap_or(DEFAULT_RETRY_LIMIT).max(1)),
    };
    (attempts >= allowed).then_some(DeathCause::Exhausted)
}

/// The instant before which a failed step is not tried again: the one our side tables have, else the later of the two
/// that Rails' rules give, so that we never start earlier than Rails would.
fn next_run_at(facts: &StepFacts) -> Option<NaiveDateTime> {
    if let Some(next) = facts.engine.as_ref().and_then(|engine| engine.next_run_at) {
        return Some(next);
    }
    backoff::requested_end(facts).max(backoff::exponential_end_or_longest(facts))
}
