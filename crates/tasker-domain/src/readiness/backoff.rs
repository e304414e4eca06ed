//! The ends of the waits that the original's readiness function reckons with.

use chrono::{NaiveDateTime, TimeDelta};

use super::rows::StepFacts;

/// Longest wait that follows from the number of attempts, in seconds.
const LONGEST_SECONDS: i64 = 30;
const MICROSECONDS: i64 = 1_000_000;
/// 2^44 seconds are more microseconds than 64 bits hold.
const FIRST_BEYOND_INTERVAL: i32 = 44;
/// 2^1024 is more than a double holds.
const FIRST_BEYOND_DOUBLE: i32 = 1024;
/// 2^-1075 is less than a double holds.
const LAST_BELOW_DOUBLE: i32 = -1075;

/// A failed step has so many attempts that the original's function cannot count its wait. It then fails for the whole
/// task, or for all tasks of the call (B-SQL-031).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the failed step {workflow_step_id} has {attempts} attempts, which the original's readiness cannot count with: \
     lower `attempts` in its row to 43 or less"
)]
pub struct TooManyAttempts {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Its attempts.
    pub attempts: i32,
}

impl TooManyAttempts {
    /// The code with which PostgreSQL reports it.
    pub fn sqlstate(&self) -> &'static str {
        if (LAST_BELOW_DOUBLE + 1..FIRST_BEYOND_DOUBLE).contains(&self.attempts) { "22008" } else { "22003" }
    }
}

/// End of the wait that was asked for: both its length and the last attempt must be known. No cap, no sign is refused.
pub(super) fn requested_end(facts: &StepFacts) -> Option<NaiveDateTime> {
    let seconds = facts.backoff_request_seconds?;
    Some(later(facts.last_attempted_at?, TimeDelta::seconds(i64::from(seconds))))
}

/// End of the wait that follows from the failure and the number of attempts; 1 where there is none.
///
/// The error is the number of attempts.
pub(super) fn exponential_end(facts: &StepFacts) -> Result<Option<NaiveDateTime>, i32> {
    let Some(failed_at) = facts.failed_at() else { return Ok(None) };
    let wait = exponential(facts.attempts.unwrap_or(1))?;
    Ok(Some(later(failed_at, wait)))
}

/// As [`exponential_end`], where a number of attempts beyond counting waits as long as the last that can be counted.
pub(super) fn exponential_end_or_longest(facts: &StepFacts) -> Option<NaiveDateTime> {
    let attempts = facts.attempts.unwrap_or(1).clamp(LAST_BELOW_DOUBLE + 1, FIRST_BEYOND_INTERVAL - 1);
    let wait = exponential(attempts).unwrap_or(TimeDelta::seconds(LONGEST_SECONDS));
    Some(later(facts.failed_at()?, wait))
}

/// 2^attempts seconds, at most 30, to the microsecond as PostgreSQL rounds it: half to even.
fn exponential(attempts: i32) -> Result<TimeDelta, i32> {
    match attempts {
        FIRST_BEYOND_INTERVAL.. | ..=LAST_BELOW_DOUBLE => Err(attempts),
        0.. => Ok(TimeDelta::seconds(
            1_i64.checked_shl(attempts.unsigned_abs()).map_or(LONGEST_SECONDS, |power| power.min(LONGEST_SECONDS)),
        )),
        _ => {
            let halvings = attempts.unsigned_abs();
            if halvings > 20 {
                return Ok(TimeDelta::zero());
            }
            let whole = MICROSECONDS >> halvings;
            let rest = MICROSECONDS - (whole << halvings);
            let half = 1_i64 << (halvings - 1);
            let rounds_up = rest > half || rest == half && whole % 2 == 1;
            Ok(TimeDelta::microseconds(whole + i64::from(rounds_up)))
        }
    }
}

/// The instant so much later; the last or first one there is where that would be beyond them, which also stand for
/// PostgreSQL's `infinity` and `-infinity`.
fn later(instant: NaiveDateTime, wait: TimeDelta) -> NaiveDateTime {
    if instant == NaiveDateTime::MAX || instant == NaiveDateTime::MIN {
        return instant;
    }
    instant.checked_add_signed(wait).unwrap_or(if wait < TimeDelta::zero() {
        NaiveDateTime::MIN
    } else {
        NaiveDateTime::MAX
    })
}
