//! Where schemas stand inside schemas.

use crate::json::Json;

/// What stands under a keyword.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// One schema, or a list of them.
    SchemaOrList,
    /// Schemas by name; values that are lists (of property names) are none.
    Named,
}

/// The keywords of all drafts under which schemas stand.
pub(super) fn holds(keyword: &str) -> Option<Holds> {
    match keyword {
        "additionalItems"
        | "additionalProperties"
        | "allOf"
        | "anyOf"
        | "contains"
        | "contentSchema"
        | "else"
        | "if"
        | "items"
        | "not"
        | "oneOf"
        | "prefixItems"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Some(Holds::SchemaOrList),
        "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "patternProperties" | "properties" => {
            Some(Holds::Named)
        }
        _ => None,
    }
}

/// Shows every schema with its JSON pointer, the outermost first.
pub(super) fn walk(schema: &Json, pointer: &mut String, visit: &mut impl FnMut(&str, &Json)) {
    let Some(keywords) = schema.as_object() else { return };
    visit(pointer, schema);
    for (keyword, content) in keywords {
        let Some(holds) = holds(keyword) else { continue };
        let keyword_start = pointer.len();
        push(pointer, keyword);
        match content {
            Json::Array(elements) if holds == Holds::SchemaOrList => {
                for (index, element) in elements.iter().enumerate() {
                    let start = pointer.len();
                    push(pointer, &index.to_string());
                    walk(element, pointer, visit);
                    pointer.truncate(start);
                }
            }
            Json::Object(named) if holds == Holds::Named => {
                for (name, element) in named {
                    let start = pointer.len();
                    push(pointer, name);
                    walk(element, pointer, visit);
                    pointer.truncate(start);
                }
            }
            Json::Object(_) => walk(content, pointer, visit),
            _ => {}
        }
        pointer.truncate(keyword_start);
    }
}

fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&crate::json::escape_pointer(token));
}
