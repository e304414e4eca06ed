//! Spans of time as people write them: `90s`, `5m`, `1h 30m`, `1500ms`, `3d`.

use std::time::Duration;

use crate::problem::quoted;

/// From the smallest to the largest, in seconds.
const UNITS: [(&str, f64); 5] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];

/// Why a text is no span, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanProblem {
    /// The text is empty.
    #[error("nothing stands here; write a span such as 90s, 5m or 1h30m")]
    Nothing,
    /// There is no number where one must stand.
    #[error("this is no span; write numbers with units, such as 90s, 5m or 1h30m")]
    NoSpan,
    /// A number stands without a unit.
    #[error("a number has no unit; write ms, s, m, h or d behind it")]
    NoUnit,
    /// A number has a unit that there is not.
    #[error("{} is no unit of time; write ms, s, m, h or d", quoted(.0))]
    UnknownUnit(String),
    /// A unit stands twice or before a larger one.
    #[error("the units must become smaller from left to right, each once")]
    Order,
    /// Less than nothing.
    #[error("a span cannot be negative")]
    Negative,
    /// Longer than can be reckoned with.
    #[error("the span is too long")]
    TooLong,
}

/// Reads a span as [`with_units`] does; a number alone is seconds.
///
/// # Errors
/// What is wrong, and what to write.
pub fn parse(text: &str) -> Result<Duration, SpanProblem> {
    match number(text.trim()) {
        Some(seconds) => of_seconds(seconds),
        None => with_units(text),
    }
}

/// Reads a span: numbers, each with one of the units ms, s, m, h, d, from the largest unit to the smallest.
///
/// # Errors
/// What is wrong, and what to write.
pub fn with_units(text: &str) -> Result<Duration, SpanProblem> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    let mut smallest = UNITS.len();
    if rest.is_empty() {
        return Err(SpanProblem::Nothing);
    }
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let value = number(digits).ok_or(SpanProblem::NoSpan)?;
        let after = after.trim_start();
        let end = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
        let (word, after) = after.split_at(end);
        if word.is_empty() {
            return Err(SpanProblem::NoUnit);
        }
        let unit = UNITS
            .iter()
            .position(|(known, _)| *known == word)
            .ok_or_else(|| SpanProblem::UnknownUnit(word.to_owned()))?;
        if unit >= smallest {
            return Err(SpanProblem::Order);
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
/// [`SpanProblem::Negative`] and [`SpanProblem::TooLong`].
pub fn of_seconds(seconds: f64) -> Result<Duration, SpanProblem> {
    if seconds < 0.0 {
        return Err(SpanProblem::Negative);
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| SpanProblem::TooLong)
}

/// A number without sign and exponent.
fn number(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if text.is_empty() || !is_plain { None } else { text.parse().ok() }
}
