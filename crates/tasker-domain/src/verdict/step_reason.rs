//! Why a step is decided about as it is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::counted;

/// Why a step is decided about as it is. As JSON an object with the key `code`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum StepReason {
    /// The handler gave a result.
    Succeeded,
    /// The request asked to leave it out.
    Bypassed,
    /// It failed and has attempts left.
    Retry {
        /// Number of the attempt that failed.
        attempt: u32,
        /// Attempts in all.
        allowed: u32,
        /// The wait, in seconds.
        seconds: f64,
    },
    /// It failed, has attempts left, and the failure itself asked for the wait.
    RetryAsAsked {
        /// Number of the attempt that failed.
        attempt: u32,
        /// Attempts in all.
        allowed: u32,
        /// The wait, in seconds.
        seconds: f64,
    },
    /// Its worker was not heard of any more, and it has attempts left.
    WorkerLost {
        /// Number of the attempt that was under way.
        attempt: u32,
        /// Attempts in all.
        allowed: u32,
        /// The wait, in seconds.
        seconds: f64,
    },
    /// It failed and has no attempts left.
    AttemptsUsedUp {
        /// Number of the attempt that failed.
        attempt: u32,
        /// Attempts in all.
        allowed: u32,
    },
    /// It failed in a way that no attempt can mend.
    FailedForGood {
        /// Number of the attempt that failed.
        attempt: u32,
    },
    /// It failed and has attempts left, but another step died and the template says `fail_fast`.
    TaskHalted {
        /// Number of the attempt that failed.
        attempt: u32,
        /// Attempts in all.
        allowed: u32,
    },
    /// Its worker stopped before it was done.
    HandedBack,
    /// The claim was taken over or settled by somebody else.
    ClaimLost,
}

impl StepReason {
    /// Its stable code, the same as in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Bypassed => "bypassed",
            Self::Retry { .. } => "retry",
            Self::RetryAsAsked { .. } => "retry_as_asked",
            Self::WorkerLost { .. } => "worker_lost",
            Self::AttemptsUsedUp { .. } => "attempts_used_up",
            Self::FailedForGood { .. } => "failed_for_good",
            Self::TaskHalted { .. } => "task_halted",
            Self::HandedBack => "handed_back",
            Self::ClaimLost => "claim_lost",
        }
    }
}

impl fmt::Display for StepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Succeeded => f.write_str("the handler gave a result"),
            Self::Bypassed => f.write_str("the request asked to leave it out, and the template allows that"),
            Self::Retry { attempt, allowed, seconds } => {
                write!(f, "attempt {attempt} of {allowed} failed; the next one starts after {}", Seconds(seconds))
            }
            Self::RetryAsAsked { attempt, allowed, seconds } => write!(
                f,
                "attempt {attempt} of {allowed} failed and asked for a wait; the next one starts after {}",
                Seconds(seconds)
            ),
            Self::WorkerLost { attempt, allowed, seconds } => write!(
                f,
                "its worker was not heard of any more in attempt {attempt} of {allowed}; the next one starts after {}",
                Seconds(seconds)
            ),
            Self::AttemptsUsedUp { attempt, allowed } => write!(
                f,
                "attempt {attempt} failed, and only {} allowed",
                counted(u64::from(allowed), "attempt is", "attempts are")
            ),
            Self::FailedForGood { attempt } => {
                write!(f, "attempt {attempt} failed in a way that another attempt cannot mend")
            }
            Self::TaskHalted { attempt, allowed } => write!(
                f,
                "attempt {attempt} of {allowed} failed, and nothing more is tried because another step is dead and the template says `fail_fast`"
            ),
            Self::HandedBack => f.write_str("its worker stopped before it was done; the attempt does not count"),
            Self::ClaimLost => f.write_str("the claim is no longer the worker's; what it reports changes nothing"),
        }
    }
}

/// A number of seconds with at most two decimals.
struct Seconds(f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2}", self.0);
        write!(f, "{} s", text.trim_end_matches('0').trim_end_matches('.'))
    }
}
