//! What PostgreSQL's `jsonb` cannot hold, found before it is sent.

use super::Json;
use super::number::Decimal;

/// Digits that PostgreSQL's `numeric` keeps before the decimal point.
const NUMERIC_DIGITS_BEFORE_POINT: i64 = 131_072;
/// Digits that PostgreSQL's `numeric` keeps after the decimal point.
const NUMERIC_DIGITS_AFTER_POINT: i64 = 16_383;

/// A value that is JSON but cannot be stored in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotStorable {
    /// The character U+0000 stands in a text.
    #[error("the text at `{pointer}` holds the character U+0000, which PostgreSQL cannot store")]
    NulInText {
        /// JSON pointer to the text; empty for the whole value.
        pointer: String,
    },
    /// The character U+0000 stands in a key.
    #[error("a key of the object at `{pointer}` holds the character U+0000, which PostgreSQL cannot store")]
    NulInKey {
        /// JSON pointer to the object; empty for the whole value.
        pointer: String,
    },
    /// The number has too many digits before or after its decimal point.
    #[error(
        "the number at `{pointer}` is out of PostgreSQL's range \
         (131,072 digits before and 16,383 after the decimal point)"
    )]
    NumberOutOfRange {
        /// JSON pointer to the number; empty for the whole value.
        pointer: String,
    },
}

impl Json {
    /// Checks that PostgreSQL's `jsonb` can hold the value.
    ///
    /// # Errors
    /// The first text, key or number that it cannot hold.
    pub fn check_storable(&self) -> Result<(), NotStorable> {
        check(self, &mut Vec::new())
    }
}

/// A way from the root to a value; turned into text only for an error.
enum Hop<'a> {
    Key(&'a str),
    Index(usize),
}

fn pointer(hops: &[Hop<'_>]) -> String {
    let mut out = String::new();
    for hop in hops {
        out.push('/');
        match hop {
            Hop::Key(key) => out.push_str(&super::escape_pointer(key)),
            Hop::Index(index) => out.push_str(&index.to_string()),
        }
    }
    out
}

fn check<'a>(value: &'a Json, hops: &mut Vec<Hop<'a>>) -> Result<(), NotStorable> {
    match value {
        Json::Null | Json::Bool(_) => Ok(()),
        Json::String(text) if text.contains('\0') => Err(NotStorable::NulInText { pointer: pointer(hops) }),
        Json::String(_) => Ok(()),
        Json::Number(text) if fits_numeric(text) => Ok(()),
        Json::Number(_) => Err(NotStorable::NumberOutOfRange { pointer: pointer(hops) }),
        Json::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                hops.push(Hop::Index(index));
                check(element, hops)?;
                hops.pop();
            }
            Ok(())
        }
        Json::Object(members) => {
            for (key, member) in members {
                if key.contains('\0') {
                    return Err(NotStorable::NulInKey { pointer: pointer(hops) });
                }
                hops.push(Hop::Key(key));
                check(member, hops)?;
                hops.pop();
            }
            Ok(())
        }
    }
}

fn fits_numeric(text: &str) -> bool {
    let exponent_is_readable = text
        .rsplit_once(['e', 'E'])
        .is_none_or(|(_, exponent)| exponent.parse::<i64>().is_ok_and(|value| value.abs() < i64::from(i32::MAX / 2)));
    exponent_is_readable
        && Decimal::of(text).is_some_and(|decimal| {
            decimal.magnitude <= NUMERIC_DIGITS_BEFORE_POINT && decimal.scale <= NUMERIC_DIGITS_AFTER_POINT
        })
}
