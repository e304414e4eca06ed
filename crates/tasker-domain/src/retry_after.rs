//! `Retry-After` as RFC 9110 defines it: a number of seconds or an HTTP date, and nothing else.

use std::time::{Duration, UNIX_EPOCH};

use chrono::NaiveDateTime;

/// The longest wait that is understood; larger numbers mean this one, so that sums of durations cannot overflow. Callers
/// cap far below it (R-12).
const LONGEST_SECONDS: u64 = u32::MAX as u64;

/// Reads the value of a `Retry-After` header, or nothing where it has none of the forms of RFC 9110.
///
/// The forms are digits (`120`) and the three HTTP dates (`Tue, 01 Jul 2025 12:01:40 GMT`, its two obsolete spellings).
/// White space around them is ignored. A date counts from `now` (UTC), rounded up to whole seconds so that it has passed
/// when the wait is over; one that lies behind is zero. A sign, a fraction, a date of another form: no wait is read out of
/// them, where the original guesses or fails.
///
/// ```
/// use std::time::Duration;
/// let now = chrono::NaiveDate::from_ymd_opt(2025, 7, 1).unwrap().and_hms_opt(12, 0, 0).unwrap();
/// assert_eq!(tasker_domain::retry_after::parse("30", now), Some(Duration::from_secs(30)));
/// assert_eq!(tasker_domain::retry_after::parse("soon", now), None);
/// ```
pub fn parse(value: &str, now: NaiveDateTime) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    if value.is_empty() {
        return None;
    }
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that do not fit are still a number, only a very large one.
        let seconds = value.parse::<u64>().unwrap_or(LONGEST_SECONDS).min(LONGEST_SECONDS);
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let now_utc = now.and_utc();
    let whole_seconds = i64::try_from(date.as_secs()).ok()? - now_utc.timestamp();
    // An HTTP date has no fraction: whatever of the present second has gone by makes the wait shorter by less than one
    // second, which rounding up gives back.
    Some(Duration::from_secs(u64::try_from(whole_seconds).unwrap_or(0).min(LONGEST_SECONDS)))
}
