//! How long a failed step waits before its next attempt. Randomness is handed in as a number from 0 to 1.

mod backoff;
pub mod http_status;
mod seconds;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use backoff::{Backoff, Request};

/// Attempts in all of a step whose row names no limit.
pub const DEFAULT_LIMIT: i32 = 3;

/// Longest wait that a server or handler can ask for.
pub const LONGEST_REQUEST: Duration = Duration::from_secs(300);

/// By how much chance may stretch the plain wait, as a share of it.
pub const PLAIN_JITTER: f64 = 0.1;

const PLAIN_LONGEST_SECONDS: u64 = 30;

/// What a failure asks for beside the plain wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedWait {
    /// Nothing.
    Nothing,
    /// At least this long.
    AtLeast(#[serde(with = "seconds")] Duration),
    /// The original's table for API steps.
    Table,
}

/// The wait that follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryWait {
    /// Time from the failure to the next attempt; as JSON a number of seconds.
    #[serde(rename = "wait_seconds", with = "seconds")]
    pub wait: Duration,
    /// What the failure itself asked for, in whole seconds: the row's `backoff_request_seconds`.
    pub asked_seconds: Option<u32>,
}

/// The wait that every failure is followed by: 2, 4, 8, 16, then 30 seconds, as Rails' readiness function has it.
///
/// `attempt` is the number of the attempt that failed, from 1.
pub fn plain(attempt: u32) -> Duration {
    let seconds = 1u64.checked_shl(attempt).filter(|_| attempt < 5).unwrap_or(PLAIN_LONGEST_SECONDS);
    Duration::from_secs(seconds.min(PLAIN_LONGEST_SECONDS))
}

/// The original's wait for API steps: 1, 2, 4, 8, 16, 32 seconds, from the seventh attempt on the square of its number,
/// at most 300, moved by up to a tenth either way when `chance` (0 to 1) is given.
///
/// Unlike [`Backoff::delay`] it never exceeds 300.
pub fn table(attempt: u32, chance: Option<f64>) -> u32 {
    let base = backoff::TABLE.base(attempt);
    match chance {
        Some(chance) if attempt > 0 => backoff::TABLE.moved(base, chance).min(backoff::TABLE.longest()),
        _ => base,
    }
}

/// The wait after attempt number `attempt` failed.
///
/// `chance` returns numbers from 0 to 1; nothing where the step's `jitter` is off. Never shorter than [`plain`], so that
/// we do not start before Rails' readiness would allow it.
pub fn after_failure(attempt: u32, asked: AskedWait, mut chance: Option<&mut dyn FnMut() -> f64>) -> RetryWait {
    let asked_seconds = match asked {
        AskedWait::Nothing => None,
        AskedWait::AtLeast(wait) => {
            let capped = wait.min(LONGEST_REQUEST);
            Some(u32::try_from(capped.as_secs()).expect("at most 300") + u32::from(capped.subsec_nanos() > 0))
        }
        AskedWait::Table => Some(table(attempt, chance.as_mut().map(|draw| draw()))),
    };
    let stretch = chance.map_or(0.0, |draw| fraction(draw()) * PLAIN_JITTER);
    let stretched = plain(attempt).mul_f64(1.0 + stretch);
    let wait = stretched.max(Duration::from_secs(u64::from(asked_seconds.unwrap_or(0))));
    RetryWait { wait, asked_seconds }
}

/// A number from 0 to 1, whatever was handed in.
fn fraction(chance: f64) -> f64 {
    if chance.is_nan() { 0.0 } else { chance.clamp(0.0, 1.0) }
}
