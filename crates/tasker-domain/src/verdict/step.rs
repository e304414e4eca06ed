//! What becomes of a step after an attempt.

use serde::{Deserialize, Serialize};

use super::StepReason;
use crate::retry::{self, AskedWait, RetryWait};
use crate::state::StepState;

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Another attempt may help.
    MayPass,
    /// No attempt can help.
    Permanent,
}

/// What is known about a step when an attempt of it has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// What becomes of a step whose attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
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
/// Every failure brings its own wait or none; what an earlier one asked for is never used again (C-39). `chance` as in
/// [`retry::after_failure`].
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

/// A negative number of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the retry limit {0} is negative: write how often the step may be tried in all, at least 1")]
pub struct NegativeLimit(pub i32);

/// How often a step may be tried in all: once where `retryable` is false or the limit is 0 or 1; without a limit 3
/// times, as the original's functions read such a row.
///
/// # Errors
/// When the limit is negative.
pub fn attempts_allowed(retryable: bool, retry_limit: Option<i32>) -> Result<u32, NegativeLimit> {
    let limit = retry_limit.unwrap_or(retry::DEFAULT_LIMIT);
    let limit = u32::try_from(limit).map_err(|_| NegativeLimit(limit))?;
    Ok(if retryable { limit.max(1) } else { 1 })
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum AttemptEnd {
    /// The handler gave a result that can be stored.
    Succeeded,
    /// It failed; panics, time limits and results that cannot be stored included.
    Failed(FailedAttempt),
    /// Its worker was silent for the time of its lease. The attempt counts.
    Abandoned {
        /// Number of the attempt, from 1.
        attempt: u32,
        /// Number of attempts in all.
        attempts_allowed: u32,
    },
    /// Its worker stops and gives it back unfinished.
    HandedBack,
}

/// What is known when an attempt has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFacts {
    /// How it ended.
    #[serde(flatten)]
    pub end: AttemptEnd,
    /// Whether the claim under which it ran still stands: same step, same worker, same token.
    pub claim_stands: bool,
    /// Whether another step of the task died and `fail_fast` is set.
    pub task_halted: bool,
}

/// Why a step is dead after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Death {
    /// The attempts are used up.
    Exhausted,
    /// It failed for good; the row's `retryable` becomes false.
    Permanent,
    /// Another attempt would be allowed, but the task ends.
    Halted,
}

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum StepVerdict {
    /// It has ended well. What an earlier failure asked for is cleared.
    Complete,
    /// It is tried again after a wait.
    Retry(RetryWait),
    /// It is dead.
    Dead {
        /// Why.
        cause: Death,
        /// The row's `backoff_request_seconds`.
        asked_seconds: Option<u32>,
    },
    /// It goes back to the line; the attempt does not count.
    HandBack,
    /// Nothing: somebody else has settled it.
    Nothing,
}

impl StepVerdict {
    /// The states that are written, one row each, from `in_progress` on.
    pub fn rows(self) -> &'static [StepState] {
        match self {
            Self::Complete => &[StepState::Complete],
            Self::Retry(_) | Self::Dead { .. } => &[StepState::Error],
            Self::HandBack => &[StepState::Error, StepState::Pending],
            Self::Nothing => &[],
        }
    }
}

/// What becomes of a step, and why.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepDecision {
    /// What becomes of it.
    #[serde(flatten)]
    pub verdict: StepVerdict,
    /// Why.
    pub reason: StepReason,
}

/// Decides what becomes of a step whose attempt has ended. `chance` as in [`retry::after_failure`].
pub fn after_attempt(facts: AttemptFacts, chance: Option<&mut dyn FnMut() -> f64>) -> StepDecision {
    if !facts.claim_stands {
        return StepDecision { verdict: StepVerdict::Nothing, reason: StepReason::ClaimLost };
    }
    let (failed, is_abandoned) = match facts.end {
        AttemptEnd::Succeeded => {
            return StepDecision { verdict: StepVerdict::Complete, reason: StepReason::Succeeded };
        }
        AttemptEnd::HandedBack => {
            return StepDecision { verdict: StepVerdict::HandBack, reason: StepReason::HandedBack };
        }
        AttemptEnd::Failed(failed) => (failed, false),
        AttemptEnd::Abandoned { attempt, attempts_allowed } => {
            let asked = AskedWait::Nothing;
            (FailedAttempt { attempt, attempts_allowed, failure: Failure::MayPass, asked }, true)
        }
    };
    let FailedAttempt { attempt, attempts_allowed: allowed, .. } = failed;
    match after_failure(failed, chance) {
        Verdict::Permanent => StepDecision {
            verdict: StepVerdict::Dead { cause: Death::Permanent, asked_seconds: None },
            reason: StepReason::FailedForGood { attempt },
        },
        Verdict::Exhausted { asked_seconds } => StepDecision {
            verdict: StepVerdict::Dead { cause: Death::Exhausted, asked_seconds },
            reason: StepReason::AttemptsUsedUp { attempt, allowed },
        },
        Verdict::Retry(wait) if facts.task_halted => StepDecision {
            verdict: StepVerdict::Dead { cause: Death::Halted, asked_seconds: wait.asked_seconds },
            reason: StepReason::TaskHalted { attempt, allowed },
        },
        Verdict::Retry(wait) => {
            let seconds = wait.wait.as_secs_f64();
            let reason = match wait.asked_seconds {
                _ if is_abandoned => StepReason::WorkerLost { attempt, allowed, seconds },
                Some(asked) if f64::from(asked) >= seconds => StepReason::RetryAsAsked { attempt, allowed, seconds },
                _ => StepReason::Retry { attempt, allowed, seconds },
            };
            StepDecision { verdict: StepVerdict::Retry(wait), reason }
        }
    }
}

/// What becomes of a skippable step that the request asks to bypass: it is complete without an attempt.
pub fn bypassed() -> StepDecision {
    StepDecision { verdict: StepVerdict::Complete, reason: StepReason::Bypassed }
}
