//! Readiness as the original's SQL function has it, value for value.

use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::backoff::{self, TooManyAttempts};
use super::context::ContextCounts;
use super::recorded::RecordedStep;
use super::rows::{DEFAULT_RETRY_LIMIT, StepRow};
use super::semantics::{Judged, Parents, Semantics, sealed};
use super::snapshot::Snapshot;
use crate::state::StepState;

/// The semantics of the original: `get_step_readiness_status` and `get_task_execution_context`, with all that is odd about
/// them. For parity checks, and for answers that a Rails application would give. Our engine runs by
/// [`Tasker`](super::Tasker).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rails {}

/// Whether a step can run now: the 16 columns of `get_step_readiness_status`. Instants are UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReadiness {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Id of its task.
    pub task_id: i64,
    /// Id of its named step.
    pub named_step_id: i32,
    /// Name of its named step.
    pub name: Arc<str>,
    /// The state its history ends with, `pending` without one.
    pub current_state: RecordedStep,
    /// Every edge into the step comes from a finished one.
    pub dependencies_satisfied: bool,
    /// Another attempt is within the limit.
    pub retry_eligible: bool,
    /// The step can run now.
    pub ready_for_execution: bool,
    /// When it failed, while it stands in `error`.
    pub last_failure_at: Option<NaiveDateTime>,
    /// End of the wait that was asked for, else of the one that follows from the failure; may have passed although the
    /// other one has not (B-SQL-035).
    pub next_retry_at: Option<NaiveDateTime>,
    /// Edges into the step, repeated ones counted each.
    pub total_parents: i32,
    /// Those of them that come from a finished step.
    pub completed_parents: i32,
    /// Attempts so far; 0 where the row has none.
    pub attempts: i32,
    /// Attempts in all; 3 where the row has none.
    pub retry_limit: i32,
    /// Wait that was asked for, in seconds after the last attempt.
    pub backoff_request_seconds: Option<i32>,
    /// Last attempt.
    pub last_attempted_at: Option<NaiveDateTime>,
}

impl sealed::Sealed for Rails {}

impl Semantics for Rails {
    type Answer = Result<StepReadiness, TooManyAttempts>;
    type Counts = ContextCounts;

    fn judge(step: &StepRow, parents: Parents, now: NaiveDateTime) -> Judged<Self::Answer> {
        let facts = &step.facts;
        let exponential_end = match backoff::exponential_end(facts) {
            Ok(end) => end,
            Err(attempts) => {
                let error = TooManyAttempts { workflow_step_id: step.workflow_step_id, attempts };
                return Judged { answer: Err(error), turns_at: None };
            }
        };
        let requested_end = backoff::requested_end(facts);
        let current_state = facts.state();
        let attempts = facts.attempts.unwrap_or(0);
        let retry_limit = facts.retry_limit.unwrap_or(DEFAULT_RETRY_LIMIT);
        let is_ready_in_time = matches!(current_state, RecordedStep::Known(StepState::Pending | StepState::Error))
            && facts.processed != Some(true)
            && parents.are_finished()
            && attempts < retry_limit
            && facts.retryable != Some(false)
            && facts.in_process != Some(true);
        // an absent end is smaller than any instant
        let last_end = requested_end.max(exponential_end);
        let answer = StepReadiness {
            workflow_step_id: step.workflow_step_id,
            task_id: step.task_id,
            named_step_id: step.named_step_id,
            name: Arc::clone(&step.name),
            current_state,
            dependencies_satisfied: parents.are_finished(),
            retry_eligible: attempts < retry_limit,
            ready_for_execution: is_ready_in_time && last_end.is_none_or(|end| end <= now),
            last_failure_at: facts.failed_at(),
            next_retry_at: requested_end.or(exponential_end),
            total_parents: as_integer(parents.total),
            completed_parents: as_integer(parents.finished),
            attempts,
            retry_limit,
            backoff_request_seconds: facts.backoff_request_seconds,
            last_attempted_at: facts.last_attempted_at,
        };
        Judged { answer: Ok(answer), turns_at: last_end.filter(|_| is_ready_in_time) }
    }

    fn count(counts: &mut ContextCounts, answer: &Self::Answer) {
        counts.add(answer, 1);
    }

    fn discount(counts: &mut ContextCounts, answer: &Self::Answer) {
        counts.add(answer, -1);
    }
}

/// The steps of a task at an instant (UTC), by id; `step_ids` limits them to those that are listed, whose parents count
/// all the same. None for an unknown task.
///
/// # Errors
/// [`TooManyAttempts`] of the first such step among them.
pub fn step_readiness(
    snapshot: &Snapshot,
    task_id: i64,
    step_ids: Option<&[i64]>,
    now: NaiveDateTime,
) -> Result<Vec<StepReadiness>, TooManyAttempts> {
    match step_ids {
        None => judge_all(snapshot, snapshot.places_of(task_id), now),
        Some(listed) => {
            let places_of_task = snapshot.places_of(task_id);
            let mut places: Vec<usize> = listed
                .iter()
                .filter_map(|step_id| snapshot.place(*step_id))
                .filter(|place| places_of_task.contains(place))
                .collect();
            places.sort_unstable();
            places.dedup();
            judge_all(snapshot, places.into_iter(), now)
        }
    }
}

/// The steps of several tasks at an instant (UTC), by task and id; each task once, unknown ones ignored.
///
/// # Errors
/// [`TooManyAttempts`] of the first such step among them.
pub fn step_readiness_batch(
    snapshot: &Snapshot,
    task_ids: &[i64],
    now: NaiveDateTime,
) -> Result<Vec<StepReadiness>, TooManyAttempts> {
    let mut listed = task_ids.to_vec();
    listed.sort_unstable();
    listed.dedup();
    let places = listed.into_iter().flat_map(|task_id| snapshot.places_of(task_id)).collect::<Vec<_>>();
    judge_all(snapshot, places.into_iter(), now)
}

fn judge_all(
    snapshot: &Snapshot,
    places: impl ExactSizeIterator<Item = usize>,
    now: NaiveDateTime,
) -> Result<Vec<StepReadiness>, TooManyAttempts> {
    let mut answers = Vec::with_capacity(places.len());
    for place in places {
        answers.push(judge_at::<Rails>(snapshot, place, now).answer?);
    }
    Ok(answers)
}

/// Judges the step at a place of the snapshot.
pub(super) fn judge_at<S: Semantics>(snapshot: &Snapshot, place: usize, now: NaiveDateTime) -> Judged<S::Answer> {
    let parents = Parents { total: snapshot.parents(place).len(), finished: snapshot.finished_parents(place) };
    S::judge(snapshot.step_at(place), parents, now)
}

/// A number of edges as the original's column has it.
fn as_integer(edges: usize) -> i32 {
    i32::try_from(edges).unwrap_or(i32::MAX)
}
