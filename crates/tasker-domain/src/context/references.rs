//! References: they must lead to places within the schema.

use crate::json::Json;
use crate::problem::quoted;

use super::SchemaProblem;
use super::subschemas::walk;

/// Every `$ref` that leads out of the schema or to nothing in it.
pub(super) fn check(schema: &Json) -> Vec<SchemaProblem> {
    let mut ids: Vec<&str> = Vec::new();
    let mut references: Vec<(String, &str)> = Vec::new();
    collect(schema, &mut ids, &mut references);
    let mut problems = Vec::new();
    for (pointer, target) in references {
        let (resource, fragment) = target.split_once('#').unwrap_or((target, ""));
        if resource.is_empty() {
            // With an `$id` inside, a fragment may start from there; the library resolves it then.
            let leads_nowhere = fragment.starts_with('/') && ids.is_empty() && resolve(schema, fragment).is_none();
            if leads_nowhere {
                let message = format!("`$ref` leads to {}, which does not exist in this schema", quoted(target));
                problems.push(SchemaProblem { pointer, message });
            }
            continue;
        }
        let is_known = ids.iter().any(|id| id.trim_end_matches('#').ends_with(resource))
            || resource.starts_with("http://json-schema.org/")
            || resource.starts_with("https://json-schema.org/");
        if !is_known {
            let message = format!(
                "`$ref` leads to {}, out of this schema; nothing is fetched, so put it under `definitions` and refer to it by `#/definitions/…`",
                quoted(target)
            );
            problems.push(SchemaProblem { pointer, message });
        }
    }
    problems
}

fn collect<'s>(schema: &'s Json, ids: &mut Vec<&'s str>, references: &mut Vec<(String, &'s str)>) {
    let mut found: Vec<String> = Vec::new();
    walk(schema, &mut String::new(), &mut |pointer, _| found.push(pointer.to_owned()));
    for pointer in found {
        let Some(place) = schema.pointer(&pointer) else { continue };
        ids.extend(["$id", "id"].into_iter().filter_map(|key| place.get(key)?.as_str()));
        if let Some(target) = place.get("$ref").and_then(Json::as_str) {
            references.push((format!("{pointer}/$ref"), target));
        }
    }
}

/// The place that the fragment of a reference, a JSON pointer, leads to.
pub(super) fn resolve<'s>(schema: &'s Json, fragment: &str) -> Option<&'s Json> {
    if !fragment.contains('%') {
        return schema.pointer(fragment);
    }
    schema.pointer(&percent_decoded(fragment)?)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}
