//! Correlation ids: one word under which everything that belongs together can be found in logs.
//!
//! ```
//! use tasker_domain::correlation::CorrelationId;
//! let mut chance = || 0.5;
//! let id = CorrelationId::generate(1_700_000_000_000, &mut chance);
//! assert_eq!(id.as_str(), "tsk_loyw3v28_ffffff");
//! assert_eq!("order-4711".parse::<CorrelationId>().unwrap().as_str(), "order-4711");
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest id that is accepted from outside, in characters.
pub const MAX_LENGTH: usize = 100;

const PREFIX: &str = "tsk";
const RANDOM_LETTERS: usize = 6;
const BASE_36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A correlation id: one of ours, `tsk_<milliseconds in base 36>_<six letters or digits>`, or one that was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CorrelationId(String);

/// A text that cannot be a correlation id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a correlation id has 1 to {MAX_LENGTH} letters, digits, `_` or `-` and begins with a letter or digit; this one has {length} characters"
)]
pub struct InvalidCorrelationId {
    length: usize,
}

impl CorrelationId {
    /// A new id (B-CON-037, B-CON-039). `milliseconds` since 1970; `chance` gives numbers from 0 to 1.
    pub fn generate(milliseconds: u64, chance: &mut dyn FnMut() -> f64) -> Self {
        let mut time = Vec::new();
        let mut rest = milliseconds;
        loop {
            // A remainder of 36 is a place in a table of 36.
            time.push(char::from(BASE_36[(rest % 36) as usize]));
            rest /= 36;
            if rest == 0 {
                break;
            }
        }
        let time: String = time.iter().rev().collect();
        let random: String = (0..RANDOM_LETTERS)
            .map(|_| {
                let place = (chance().clamp(0.0, 1.0) * LETTERS.len() as f64) as usize;
                char::from(LETTERS[place.min(LETTERS.len() - 1)])
            })
            .collect();
        Self(format!("{PREFIX}_{time}_{random}"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for CorrelationId {
    type Err = InvalidCorrelationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() <= MAX_LENGTH
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidCorrelationId { length: text.chars().count() }) }
    }
}

impl TryFrom<String> for CorrelationId {
    type Error = InvalidCorrelationId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CorrelationId> for String {
    fn from(id: CorrelationId) -> Self {
        id.0
    }
}
