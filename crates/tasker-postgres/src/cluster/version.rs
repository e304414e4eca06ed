//! A PostgreSQL version as its programs print it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The oldest major version that the engine works with.
pub const OLDEST_MAJOR: u32 = 14;

/// A version of PostgreSQL: `15.14`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PostgresVersion {
    /// The major version; data folders of different majors do not fit each other.
    pub major: u32,
    /// The minor version; 0 for a development version.
    pub minor: u32,
}

impl PostgresVersion {
    /// Reads the answer of `postgres --version`: `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`. Nothing where
    /// the text is another.
    pub fn from_answer(answer: &str) -> Option<Self> {
        let (_, after) = answer.split_once("(PostgreSQL) ")?;
        let number = after.split_whitespace().next()?;
        let digits_end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let major = number[..digits_end].parse().ok()?;
        let minor_text = number[digits_end..].strip_prefix('.').unwrap_or("0");
        let minor_end = minor_text.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor_text.len());
        let minor = minor_text[..minor_end].parse().ok()?;
        Some(Self { major, minor })
    }
}

impl fmt::Display for PostgresVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
