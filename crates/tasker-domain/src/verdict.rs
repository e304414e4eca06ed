//! What becomes of a step after an attempt: a pure decision from facts. The exchange writes what is decided here.

use crate::retry::{self, AskedWait, RetryWait};

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Another attempt may help.
    MayPass,
    /// No attempt can help.
    Permanent,
}

/// What is known about a step when an attempt of it has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Number of attempts in all.
    pub attempts_allowed: u32,
    /// How it failed.
    pub failure: Failure,
    /// What wait it asked for.
    pub asked: AskedWait,
}

/// What becomes of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Tried again after a wait.
    Retry(RetryWait),
    /// Dead: the attempts are used up. The wait that the last failure asked for is kept for the row.
    Exhausted {
        /// The row's `backoff_request_seconds`.
        asked_seconds: Option<u32>,
    },
    /// Dead: it failed for good.
    Permanent,
}

/// Decides what becomes of a step after a failed attempt.
///
/// `chance` as in [`retry::after_failure`].
pub fn after_failure(facts: FailedAttempt, chance: Option<&mut dyn FnMut() -> f64>) -> Verdict {
    if facts.failure == Failure::Permanent {
        return Verdict::Permanent;
    }
    let wait = retry::after_failure(facts.attempt, facts.asked, chance);
    if facts.attempt >= facts.attempts_allowed {
        return Verdict::Exhausted { asked_seconds: wait.asked_seconds };
    }
    Verdict::Retry(wait)
}
