//! How far a workflow is, and what has happened to each of its steps.

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::json;
use tasker_domain::graph::Graph;
use tasker_postgres::factories::WorkflowStepRow;

use super::{StepMove, TaskMove};

/// What has happened to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// Nothing.
    Untouched,
    /// It was made with a line in its history, as the original does for some.
    Pending,
    /// It runs.
    Running,
    /// It ended well at its first attempt.
    Complete,
    /// It failed once, a minute ago: its wait is over.
    Failed,
    /// It failed once, just now, and was asked to wait for an hour.
    Waiting,
    /// It failed an hour ago, and its attempts are used up.
    Exhausted,
    /// It was called off.
    Cancelled,
    /// It failed and was settled by a person.
    ResolvedManually,
}

/// How far a workflow is. "Half" is the first half of its steps in the order in which they can run, rounded down; the
/// steps that could run next are those that wait for none outside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing has happened.
    Untouched,
    /// Half of it is complete, nothing runs.
    HalfDone,
    /// Half of it is complete, and what could run next runs.
    Running,
    /// Half of it is complete, and what could run next failed and can be tried again at once.
    Failed,
    /// Half of it is complete, and what could run next failed and waits for its next attempt.
    Waiting,
    /// Half of it is complete, and what could run next has used up its attempts: the task has failed.
    Exhausted,
    /// All of it is complete.
    Complete,
    /// Half of it is complete, and the rest was called off with the task.
    Cancelled,
}

impl Progress {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Untouched,
        Self::HalfDone,
        Self::Running,
        Self::Failed,
        Self::Waiting,
        Self::Exhausted,
        Self::Complete,
        Self::Cancelled,
    ];

    /// What has happened to each step of a graph.
    pub fn situations(self, graph: &Graph) -> Vec<Situation> {
        let (next, rest) = match self {
            Self::Untouched => return vec![Situation::Untouched; graph.len()],
            Self::Complete => return vec![Situation::Complete; graph.len()],
            Self::HalfDone => (Situation::Untouched, Situation::Untouched),
            Self::Running => (Situation::Running, Situation::Untouched),
            Self::Failed => (Situation::Failed, Situation::Untouched),
            Self::Waiting => (Situation::Waiting, Situation::Untouched),
            Self::Exhausted => (Situation::Exhausted, Situation::Untouched),
            Self::Cancelled => (Situation::Cancelled, Situation::Cancelled),
        };
        let mut situations = vec![rest; graph.len()];
        let (first_half, second_half) = graph.topological_order().split_at(graph.len() / 2);
        for &place in first_half {
            situations[place] = Situation::Complete;
        }
        for &place in second_half {
            if graph.parents(place).iter().all(|&parent| situations[parent] == Situation::Complete) {
                situations[place] = next;
            }
        }
        situations
    }

    /// The history of the task.
    pub(super) fn task_moves(self) -> &'static [TaskMove] {
        use TaskMove::{Cancel, Complete, Error, Initial, Retry, Start};
        match self {
            Self::Untouched => &[],
            Self::HalfDone | Self::Running | Self::Failed => &[Initial, Start],
            Self::Waiting => &[Initial, Start, Retry],
            Self::Exhausted => &[Initial, Start, Error],
            Self::Complete => &[Initial, Start, Complete],
            Self::Cancelled => &[Initial, Start, Cancel],
        }
    }
}

impl Situation {
    /// The history of the step.
    pub(super) fn moves(self) -> &'static [StepMove] {
        use StepMove::{Cancel, Complete, Error, Initial, ManualResolution, Start};
        match self {
            Self::Untouched => &[],
            Self::Pending => &[Initial],
            Self::Running => &[Initial, Start],
            Self::Complete => &[Initial, Start, Complete],
            Self::Failed | Self::Waiting => &[Initial, Start, Error],
            Self::Exhausted => &StepMove::FAILED_THREE_TIMES,
            Self::Cancelled => &[Initial, Cancel],
            Self::ResolvedManually => &[Initial, Start, Error, ManualResolution],
        }
    }

    /// Instant of the newest line of the history.
    pub(super) fn since(self, now: NaiveDateTime) -> NaiveDateTime {
        match self {
            Self::Failed => now - TimeDelta::minutes(1),
            Self::Exhausted => now - TimeDelta::hours(1),
            _ => now,
        }
    }

    /// Puts into the step's row what it left there.
    pub(super) fn leave(self, row: &mut WorkflowStepRow, now: NaiveDateTime) {
        let since = self.since(now);
        let failed = || Some(json!({"error": "it did not work", "error_class": "StandardError"}));
        match self {
            Self::Untouched | Self::Pending | Self::Running | Self::Cancelled => return,
            Self::Complete => {
                row.processed = true;
                row.processed_at = Some(since);
                row.attempts = Some(1);
                row.results = Some(json!({"success": true}));
            }
            Self::Failed => {
                row.attempts = Some(1);
                row.results = failed();
            }
            Self::Waiting => {
                row.attempts = Some(1);
                row.backoff_request_seconds = Some(3_600);
                row.results = failed();
            }
            Self::Exhausted => {
                row.attempts = row.retry_limit;
                row.results = failed();
            }
            Self::ResolvedManually => {
                row.processed = true;
                row.processed_at = Some(since);
                row.attempts = Some(1);
                row.results = Some(json!({"resolved": true, "reason": "settled by hand"}));
            }
        }
        row.last_attempted_at = Some(since);
    }
}
