//! The rows of a phase as single fields, each under the name of what it belongs to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Where a field stands: section, owner, place in a history, column.
pub(crate) type Path = Vec<String>;

/// Compared as a whole.
const DOCUMENTS: [&str; 4] = ["context", "inputs", "results", "metadata"];

/// Every field of the rows. Lists of steps are told by name, so that their order is a field of its own.
pub(crate) fn fields(rows: &Value) -> BTreeMap<Path, Value> {
    let mut all = BTreeMap::new();
    let path = |parts: &[&str]| parts.iter().map(|&part| part.to_owned()).collect::<Path>();
    for (section, content) in rows.as_object().into_iter().flatten() {
        match (section.as_str(), content) {
            ("steps" | "readiness", Value::Array(list)) => {
                let names: Vec<Value> = list.iter().map(|row| row["name"].clone()).collect();
                all.insert(path(&[section, "names"]), names.into());
                for row in list {
                    leaves(&mut all, path(&[section, row["name"].as_str().unwrap_or_default()]), row);
                }
            }
            ("edges", Value::Array(list)) => {
                let mut edges: Vec<String> = list.iter().map(Value::to_string).collect();
                edges.sort();
                all.insert(path(&[section]), edges.into());
            }
            ("transition_order", Value::Array(list)) => {
                let mut by_step: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
                for (step, state) in list.iter().filter_map(|entry| entry.as_str()?.split_once('>')) {
                    by_step.entry(step).or_default().push(state);
                }
                all.insert(path(&[section, "length"]), list.len().into());
                for (step, states) in by_step {
                    all.insert(path(&[section, step]), states.into());
                }
            }
            _ => leaves(&mut all, path(&[section]), content),
        }
    }
    all
}

fn leaves(all: &mut BTreeMap<Path, Value>, path: Path, value: &Value) {
    let deeper = |part: &str| path.iter().cloned().chain([part.to_owned()]).collect::<Path>();
    let is_document = path.last().is_some_and(|column| DOCUMENTS.contains(&column.as_str()));
    match value {
        Value::Object(members) if !is_document => {
            members.iter().for_each(|(key, member)| leaves(all, deeper(key), member));
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            list.iter().enumerate().for_each(|(place, element)| leaves(all, deeper(&place.to_string()), element));
        }
        _ => {
            all.insert(path, value.clone());
        }
    }
}

/// The rows once for each of their fields, with that field spoilt.
pub(crate) fn spoilt(rows: &Value) -> Vec<(String, Value)> {
    let mut pointers = Vec::new();
    point(&mut pointers, String::new(), rows);
    pointers
        .into_iter()
        .map(|pointer| {
            let mut spoilt = rows.clone();
            let field = spoilt.pointer_mut(&pointer).unwrap();
            *field = match &*field {
                Value::Bool(value) => (!value).into(),
                Value::Number(number) => (number.as_i64().unwrap() + 1000).into(),
                Value::String(text) => format!("{text}~").into(),
                Value::Null => json!("spoilt"),
                Value::Array(_) | Value::Object(_) => json!({ "spoilt": true }),
            };
            (pointer, spoilt)
        })
        .collect()
}

fn point(pointers: &mut Vec<String>, pointer: String, value: &Value) {
    let is_document = DOCUMENTS.iter().any(|column| pointer.ends_with(&format!("/{column}")));
    match value {
        Value::Object(members) if !is_document && !members.is_empty() => {
            members.iter().for_each(|(key, member)| point(pointers, format!("{pointer}/{key}"), member));
        }
        Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().for_each(|(place, item)| point(pointers, format!("{pointer}/{place}"), item));
        }
        _ => pointers.push(pointer),
    }
}
