//! Numbers with a fixed number of decimals, exactly as the database gave them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A decimal number in PostgreSQL's own writing, with its scale: `0.0` and `0.00` are different texts of one number.
/// Equality is that of the texts; written to JSON it is a text, as the original has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal(String);

/// A text that is no decimal number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no decimal number: write digits with at most one point, such as -12.50")]
pub struct InvalidDecimal(pub String);

impl Decimal {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest binary number; the type in which the original hands out all but the completion percentage.
    pub fn as_f64(&self) -> f64 {
        self.0.parse().expect("digits with at most one point are a number")
    }

    /// Number of decimals.
    pub fn scale(&self) -> usize {
        self.0.split_once('.').map_or(0, |(_, decimals)| decimals.len())
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if are_digits(whole) && are_digits(decimals) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDecimal(text.to_owned()))
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
