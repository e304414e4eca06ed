//! To and from other types: plain Rust values, `serde`, `serde_json`.

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::Json;

/// Exact through `serde_json` in both directions. Formats other than JSON are not served.
impl serde::Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::String(text) => serializer.serialize_str(text),
            Json::Number(text) => RawValue::from_string(text.clone()).map_err(S::Error::custom)?.serialize(serializer),
            Json::Array(elements) => serializer.collect_seq(elements),
            Json::Object(members) => serializer.collect_map(members),
        }
    }
}

/// Reads from JSON text or a `serde_json::Value`. Not within `#[serde(flatten)]`, `untagged` or `tag`: `serde` has
/// turned the numbers into floats before it asks there.
impl<'de> serde::Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Json::parse(raw.get()).map_err(D::Error::custom)
    }
}

impl std::str::FromStr for Json {
    type Err = super::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Json::parse(text)
    }
}

impl Json {
    /// The value of a Rust type as JSON.
    ///
    /// # Errors
    /// What `serde_json` says: a map whose keys are not texts, or a `Serialize` that fails.
    pub fn from_serialize<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&serde_json::to_string(value)?)
    }

    /// Reads the value into a Rust type.
    ///
    /// # Errors
    /// What `serde_json` says: the type has another form than the value.
    pub fn to_typed<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.to_string())
    }

    /// The number that a float is, in its shortest spelling; nothing for an infinity or not-a-number.
    pub fn from_f64(value: f64) -> Option<Self> {
        serde_json::Number::from_f64(value).map(|number| Json::Number(number.to_string()))
    }

    /// The value as `serde_json` has it. Lossy: a number that fits neither `i64` nor `u64` becomes the nearest float,
    /// and the largest or smallest one if it is out of a float's range.
    pub fn to_value(&self) -> serde_json::Value {
        match self {
            Json::Null => serde_json::Value::Null,
            Json::Bool(value) => serde_json::Value::Bool(*value),
            Json::String(text) => serde_json::Value::String(text.clone()),
            Json::Number(text) => number_value(text),
            Json::Array(elements) => elements.iter().map(Json::to_value).collect(),
            Json::Object(members) => serde_json::Value::Object(
                members.iter().map(|(key, member)| (key.clone(), member.to_value())).collect(),
            ),
        }
    }
}

fn number_value(text: &str) -> serde_json::Value {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    if let Ok(whole) = text.parse::<u64>() {
        return whole.into();
    }
    text.parse::<f64>().map_or(serde_json::Value::Null, |float| float.clamp(f64::MIN, f64::MAX).into())
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Json::Null,
            serde_json::Value::Bool(value) => Json::Bool(value),
            serde_json::Value::Number(number) => Json::Number(number.to_string()),
            serde_json::Value::String(text) => Json::String(text),
            serde_json::Value::Array(elements) => elements.into_iter().map(Json::from).collect(),
            serde_json::Value::Object(members) => members.into_iter().collect(),
        }
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Json::Bool(value)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Json::String(text)
    }
}

impl From<IndexMap<String, Json>> for Json {
    fn from(members: IndexMap<String, Json>) -> Self {
        Json::Object(members)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(elements: Vec<T>) -> Self {
        elements.into_iter().collect()
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Json::Null, Into::into)
    }
}

impl<T: Into<Json>> FromIterator<T> for Json {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Json::Array(elements.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<String>, V: Into<Json>> FromIterator<(K, V)> for Json {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Self {
        Json::Object(members.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

macro_rules! from_whole_number {
    ($($type:ty),*) => {
        $(impl From<$type> for Json {
            fn from(value: $type) -> Self {
                Json::Number(value.to_string())
            }
        })*
    };
}

from_whole_number!(i8, i16, i32, i64, u8, u16, u32, u64, usize);
