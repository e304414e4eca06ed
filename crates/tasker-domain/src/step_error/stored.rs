//! How a failure stands in the results of a step's row: under the original's keys.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::StepError;
use crate::json::Json;

/// Longest error message that is stored, in bytes.
const MESSAGE_BYTES: usize = 16 * 1024;

impl StepError {
    /// The keys that a failure is stored under: `error`, `error_class`, `backtrace`, and `error_details` with `error_code`
    /// and `error_context` where they are given. `origin` says what failed; it stands in the place of the backtrace.
    ///
    /// Everything in it can be stored: without U+0000, of bounded length.
    pub fn document(&self, origin: &str) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("error".to_owned(), storable(self.message()).into());
        document.insert("error_class".to_owned(), storable(self.class()).into());
        document.insert("backtrace".to_owned(), storable(origin).into());
        let mut details = Map::new();
        if let Some(code) = self.code() {
            details.insert("error_code".to_owned(), storable(code).into());
        }
        if let Some(more) = self.details() {
            let text = more.to_string();
            let fits =
                text.len() <= MESSAGE_BYTES && Json::parse(&text).is_ok_and(|value| value.check_storable().is_ok());
            let context = if fits { more.clone() } else { "left out: it is too large or cannot be stored".into() };
            details.insert("error_context".to_owned(), context);
        }
        if !details.is_empty() {
            document.insert("error_details".to_owned(), details.into());
        }
        document
    }
}

/// A text that PostgreSQL takes: without U+0000, of bounded length.
fn storable(text: &str) -> String {
    let clean = text.replace('\0', "\u{FFFD}");
    if clean.len() <= MESSAGE_BYTES {
        return clean;
    }
    let end = clean.floor_char_boundary(MESSAGE_BYTES);
    format!("{} … ({} bytes in all)", &clean[..end], clean.len())
}

/// A failure as it stands in the results of a step's row, whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredError {
    /// What went wrong.
    pub message: String,
    /// Name of its class, where it is known.
    pub class: Option<String>,
    /// The code that the handler gave it.
    pub code: Option<String>,
}

impl StoredError {
    /// Reads the failure out of a step's results, or nothing where they tell of none.
    ///
    /// The original's API steps first store `error: true` and the message among the `error_details`; its executor then puts
    /// the message in the place of `true`. Both are read.
    pub fn of(results: &Value) -> Option<Self> {
        let results = results.as_object()?;
        let details = results.get("error_details").and_then(Value::as_object);
        let detail = |key: &str| details.and_then(|details| details.get(key)).and_then(Value::as_str);
        let message = match results.get("error")? {
            Value::String(message) => message.as_str(),
            Value::Bool(true) => detail("error_message")?,
            _ => return None,
        };
        let class = results.get("error_class").and_then(Value::as_str).or_else(|| detail("error_class"));
        Some(Self {
            message: message.to_owned(),
            class: class.map(str::to_owned),
            code: detail("error_code").map(str::to_owned),
        })
    }
}
