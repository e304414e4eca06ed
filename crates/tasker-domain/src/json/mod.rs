//! JSON kept exactly: numbers keep their spelling, objects the order of their keys.
//!
//! `serde_json` with `arbitrary_precision` would do half of this and change how floats are read in the programs that
//! embed us, so the value type is our own.

mod convert;
mod jsonb;
mod number;
mod parse;
mod path;
mod storable;
mod write;

use indexmap::IndexMap;

pub use number::same_number;
pub use parse::{MAX_DEPTH, ParseError};
pub use path::PathError;
pub(crate) use path::escape_pointer;
pub use storable::NotStorable;

/// A JSON value.
///
/// `==` compares numbers as text, so `1.0` and `1` differ; [`Json::same_value`] compares them by value. The order of
/// an object's keys never matters to either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it was written: valid JSON number text, compared as text. [`Json::number`] checks the text.
    Number(String),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Json>),
    /// An object; keys in the order written.
    Object(IndexMap<String, Json>),
}

impl Json {
    /// An object without keys.
    pub fn empty_object() -> Self {
        Json::Object(IndexMap::new())
    }

    /// A number of this spelling, or nothing if the text is not a JSON number.
    pub fn number(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        number::is_valid(&text).then_some(Json::Number(text))
    }

    /// What kind of value this is, in the words that messages use: `null`, `a boolean`, `a number`, `a text`,
    /// `a list`, `an object`.
    pub fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a text",
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number's spelling, if this is a number.
    pub fn as_number(&self) -> Option<&str> {
        match self {
            Json::Number(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if this is a number whose value is whole and fits: `100`, `1e2` and `100.0` all give 100.
    pub fn as_i64(&self) -> Option<i64> {
        number::whole(self.as_number()?)?.try_into().ok()
    }

    /// The whole number, if this is a number whose value is whole, not negative and fits.
    pub fn as_u64(&self) -> Option<u64> {
        number::whole(self.as_number()?)?.try_into().ok()
    }

    /// The nearest float, if this is a number within a float's range.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number()?.parse::<f64>().ok().filter(|value| value.is_finite())
    }

    /// The elements, if this is a list.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The keys and values, if this is an object.
    pub fn as_object(&self) -> Option<&IndexMap<String, Json>> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The keys and values to change, if this is an object.
    pub fn as_object_mut(&mut self) -> Option<&mut IndexMap<String, Json>> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The value under a key, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.as_object()?.get(key)
    }

    /// Whether both are the same value: numbers by value (`1.0` is `1`), objects without regard to order.
    pub fn same_value(&self, other: &Json) -> bool {
        match (self, other) {
            (Json::Number(left), Json::Number(right)) => same_number(left, right),
            (Json::Array(left), Json::Array(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.same_value(right))
            }
            (Json::Object(left), Json::Object(right)) => {
                left.len() == right.len()
                    && left
                        .iter()
                        .all(|(key, value)| right.get(key).is_some_and(|counterpart| value.same_value(counterpart)))
            }
            (left, right) => left == right,
        }
    }
}
