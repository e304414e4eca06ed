//! The JSON text that a step leaves behind.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::StepError;

/// Results of a step: JSON text, kept as it was written so that no number loses a digit on the way.
#[derive(Debug, Clone)]
pub struct Output(Box<RawValue>);

impl Output {
    /// The JSON form of any value.
    ///
    /// # Errors
    /// The value cannot be written as JSON, for instance a map whose keys are not texts.
    pub fn json(value: &impl Serialize) -> Result<Self, StepError> {
        serde_json::value::to_raw_value(value).map(Self).map_err(|error| {
            StepError::permanent(format!("the result cannot be written as JSON: {error}")).with_class("InvalidResult")
        })
    }

    /// An empty object.
    pub fn empty() -> Self {
        Self::from(serde_json::json!({}))
    }

    /// Takes JSON text as it stands.
    pub fn raw(text: Box<RawValue>) -> Self {
        Self(text)
    }

    /// The JSON text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Reads the text into a type.
    ///
    /// # Errors
    /// The text does not have the form of the type; the message says where.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.get())
    }

    /// The text, to be handed on.
    pub fn into_raw(self) -> Box<RawValue> {
        self.0
    }
}

impl From<serde_json::Value> for Output {
    fn from(value: serde_json::Value) -> Self {
        let text = value.to_string();
        // A `Value` always prints as valid JSON, so this cannot fail.
        Self(RawValue::from_string(text).expect("a JSON value prints as JSON"))
    }
}
