//! A column of JSON, kept as the database has it.

use serde_json::value::RawValue;
use tasker_domain::json::{Json, ParseError};

/// JSON as its text: what a `json` or `jsonb` column holds, digit by digit. `==` compares the texts.
#[derive(Clone, serde::Serialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// The text.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The value.
    ///
    /// # Errors
    /// When values are nested deeper than [`tasker_domain::json::MAX_DEPTH`].
    pub fn parse(&self) -> Result<Json, ParseError> {
        Json::parse(self.get())
    }

    /// `{}`
    #[must_use]
    pub fn empty_object() -> Self {
        Self::from(&Json::empty_object())
    }

    /// A list of texts, in the original's spelling: no white space, and `<`, `>`, `&`, U+2028 and U+2029 escaped.
    #[must_use]
    pub fn texts<S: AsRef<str>>(texts: &[S]) -> Self {
        let list: Json = texts.iter().map(|text| text.as_ref().to_owned()).collect();
        Self::spelled(&list.to_string())
    }

    /// An object with this one member.
    pub(super) fn object_of(key: &str, value: &Self) -> Self {
        let text = format!("{{{}:{}}}", Json::from(key), value.get());
        Self(RawValue::from_string(text).expect("a text and a value of JSON make an object"))
    }

    /// The original's spelling of this JSON text: what it escapes can only stand within texts.
    pub(super) fn spelled(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        for letter in text.chars() {
            match letter {
                '<' => out.push_str("\\u003c"),
                '>' => out.push_str("\\u003e"),
                '&' => out.push_str("\\u0026"),
                '\u{2028}' => out.push_str("\\u2028"),
                '\u{2029}' => out.push_str("\\u2029"),
                other => out.push(other),
            }
        }
        Self(RawValue::from_string(out).expect("escaping letters within the texts of JSON leaves JSON"))
    }

    pub(super) fn from_raw(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self)
    }
}

impl std::fmt::Debug for JsonText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.get())
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for JsonText {}

impl From<&Json> for JsonText {
    fn from(json: &Json) -> Self {
        Self(RawValue::from_string(json.to_string()).expect("a JSON value is written as JSON"))
    }
}

impl From<Json> for JsonText {
    fn from(json: Json) -> Self {
        Self::from(&json)
    }
}

impl From<Box<RawValue>> for JsonText {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw)
    }
}

impl From<&serde_json::Value> for JsonText {
    fn from(value: &serde_json::Value) -> Self {
        Self::from(Json::from(value.clone()))
    }
}

impl From<serde_json::Value> for JsonText {
    fn from(value: serde_json::Value) -> Self {
        Self::from(Json::from(value))
    }
}

impl std::str::FromStr for JsonText {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_raw(text.to_owned())
    }
}
