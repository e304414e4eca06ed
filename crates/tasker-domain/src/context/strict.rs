//! The original's strictness, written into the schema.

use indexmap::IndexMap;

use crate::json::Json;

use super::subschemas::{Holds, holds};

/// The schema with every listed property required and unlisted ones refused, at each level that has `properties`; a
/// level with `additionalProperties` keeps its own rule for the unlisted.
pub(super) fn tighten(schema: &Json) -> Json {
    let Some(keywords) = schema.as_object() else { return schema.clone() };
    let mut tightened: IndexMap<String, Json> =
        keywords.iter().map(|(keyword, content)| (keyword.clone(), tighten_under(keyword, content))).collect();
    let Some(properties) = keywords.get("properties").and_then(Json::as_object) else {
        return Json::Object(tightened);
    };
    let mut required: Vec<Json> =
        keywords.get("required").and_then(Json::as_array).map(<[Json]>::to_vec).unwrap_or_default();
    for name in properties.keys() {
        let name = Json::String(name.clone());
        if !required.contains(&name) {
            required.push(name);
        }
    }
    if !required.is_empty() {
        tightened.insert("required".to_owned(), Json::Array(required));
    }
    tightened.entry("additionalProperties".to_owned()).or_insert(Json::Bool(false));
    Json::Object(tightened)
}

fn tighten_under(keyword: &str, content: &Json) -> Json {
    match (holds(keyword), content) {
        (Some(Holds::SchemaOrList), Json::Array(elements)) => Json::Array(elements.iter().map(tighten).collect()),
        (Some(Holds::Named), Json::Object(named)) => {
            Json::Object(named.iter().map(|(name, schema)| (name.clone(), tighten(schema))).collect())
        }
        (Some(Holds::SchemaOrList), Json::Object(_)) => tighten(content),
        _ => content.clone(),
    }
}
