//! Times and counts in words.

use std::time::Duration;

/// A span that has ended, or a moving one of more than a minute, rounded down: `214 ms`, `1.8 s`, `2 min 05 s`,
/// `1 h 02 min`, `3 d 04 h`.
pub(crate) fn span(duration: Duration) -> String {
    if duration < Duration::from_millis(1) {
        return "under 1 ms".to_owned();
    }
    if duration < Duration::from_secs(1) {
        return format!("{} ms", duration.as_millis());
    }
    moving(duration)
}

/// A span that grows while it is looked at: as [`span`], but in tenths of a second from the start, so that its width
/// and unit stay calm.
pub(crate) fn moving(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{}.{} s", seconds, duration.subsec_millis() / 100),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// What is left of a wait, rounded up to the next tenth, so that it never says zero while something is left.
pub(crate) fn remaining(duration: Duration) -> String {
    let tenths = duration.as_millis().div_ceil(100);
    let rounded =
        u64::try_from(tenths).map_or(Duration::MAX, |tenths| Duration::from_millis(tenths.saturating_mul(100)));
    moving(rounded)
}

/// A limit or wait as somebody would write it: whole seconds without a fraction.
pub(crate) fn limit(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 && duration < Duration::from_secs(600) {
        return format!("{} s", duration.as_secs());
    }
    span(duration)
}

/// A number with its thousands set apart: `4,580`.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A number of things, in the singular or with an `s`: `1 step`, `4,580 steps`.
pub(crate) fn count(value: u64, thing: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", number(value))
}
