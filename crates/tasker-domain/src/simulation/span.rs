//! Spans of time as people write them: `90s`, `5m`, `1h 30m`, `1500ms`, `3d`.

use std::time::Duration;

/// Longest span that is read: ten years, as in scripts of outcomes.
pub(super) const LONGEST: Duration = Duration::from_secs(315_360_000);

const UNITS: [(&str, f64); 5] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];

/// Reads a span: numbers, each with one of the units ms, s, m, h, d, from the largest unit to the smallest. A number
/// alone is seconds.
///
/// # Errors
/// What is wrong, and what to write.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    if let Some(seconds) = number(text.trim()) {
        return of_seconds(seconds);
    }
    let mut rest = text.trim();
    let mut seconds = 0.0;
    let mut smallest = UNITS.len();
    if rest.is_empty() {
        return Err("nothing stands here; write a span such as 90s, 5m or 1h30m".to_owned());
    }
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let Some(value) = number(digits) else {
            return Err("this is no span; write numbers with units, such as 90s, 5m or 1h30m".to_owned());
        };
        let after = after.trim_start();
        let end = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
        let (word, after) = after.split_at(end);
        let Some(unit) = UNITS.iter().position(|(known, _)| *known == word) else {
            return Err(match word {
                "" => "a number has no unit; write ms, s, m, h or d behind it".to_owned(),
                _ => format!("{} is no unit of time; write ms, s, m, h or d", crate::problem::quoted(word)),
            });
        };
        if unit >= smallest {
            return Err("the units must become smaller from left to right, each once".to_owned());
        }
        smallest = unit;
        seconds += value * UNITS[unit].1;
        rest = after.trim_start();
    }
    of_seconds(seconds)
}

/// A span of this many seconds.
///
/// # Errors
/// It is negative or too long.
pub(super) fn of_seconds(seconds: f64) -> Result<Duration, String> {
    if seconds < 0.0 {
        return Err("a span cannot be negative".to_owned());
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|span| *span <= LONGEST)
        .ok_or_else(|| "the span is longer than ten years".to_owned())
}

/// A number without sign and exponent.
fn number(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if text.is_empty() || !is_plain { None } else { text.parse().ok() }
}
