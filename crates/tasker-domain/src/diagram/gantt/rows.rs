//! Attempts gathered by step.

use std::collections::HashMap;
use std::time::Duration;

use super::{Attempt, Outcome, Timeline};
use crate::diagram::mark::Mark;

/// A step and its attempts, earliest first; none if it never began.
pub(super) struct Row<'t> {
    pub(super) step: &'t str,
    pub(super) attempts: Vec<&'t Attempt>,
}

impl Row<'_> {
    /// How long its attempts took together, without the waits between them.
    pub(super) fn worked(&self) -> Duration {
        self.attempts
            .iter()
            .fold(Duration::ZERO, |sum, attempt| sum.saturating_add(attempt.ended.saturating_sub(attempt.started)))
    }
}

impl Attempt {
    /// Whether it failed and is followed by a wait for another.
    pub(super) fn is_retried(&self) -> bool {
        self.outcome == Outcome::Failed && self.waiting_until.is_some()
    }

    pub(super) fn mark(&self) -> Mark {
        match self.outcome {
            Outcome::Succeeded => Mark::Complete,
            Outcome::Failed if self.is_retried() => Mark::Retried,
            Outcome::Failed => Mark::Failed,
            Outcome::Cancelled => Mark::Cancelled,
            Outcome::Running => Mark::Running,
        }
    }

    /// The last instant that belongs to it: the end of its wait, or its own.
    pub(super) fn last_instant(&self) -> Duration {
        self.waiting_until.unwrap_or(self.ended).max(self.ended)
    }
}

/// One row for each step, in the order in which they began; then those that never did.
pub(super) fn rows(timeline: &Timeline) -> Vec<Row<'_>> {
    let mut by_start: Vec<&Attempt> = timeline.attempts.iter().collect();
    by_start.sort_by_key(|attempt| attempt.started);
    let mut place_of = HashMap::new();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for attempt in by_start {
        let place = *place_of.entry(attempt.step.as_str()).or_insert_with(|| {
            rows.push(Row { step: &attempt.step, attempts: Vec::new() });
            rows.len() - 1
        });
        rows[place].attempts.push(attempt);
    }
    rows.extend(timeline.never_began.iter().map(|step| Row { step, attempts: Vec::new() }));
    rows
}
