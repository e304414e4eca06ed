//! Which JSON Schema a schema is written in.

use jsonschema::ValidationOptions;

use crate::json::Json;
use crate::problem::quoted;

use super::SchemaProblem;
use super::words;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draft {
    Four,
    Six,
    Seven,
    September2019,
    December2020,
}

impl Draft {
    /// The draft that `$schema` names; draft 6 without one, as in the original.
    pub(super) fn of(schema: &Json) -> Result<Self, SchemaProblem> {
        let Some(named) = schema.get("$schema") else { return Ok(Draft::Six) };
        let refused = |message: String| SchemaProblem { pointer: "/$schema".to_owned(), message };
        let Some(uri) = named.as_str() else {
            return Err(refused(format!("`$schema` must be a text, found {}", words::describe(named))));
        };
        let bare = uri.trim_end_matches('#').trim_start_matches("https://").trim_start_matches("http://");
        match bare {
            "json-schema.org/draft-04/schema" => Ok(Draft::Four),
            "json-schema.org/draft-06/schema" => Ok(Draft::Six),
            "json-schema.org/draft-07/schema" => Ok(Draft::Seven),
            "json-schema.org/draft/2019-09/schema" => Ok(Draft::September2019),
            "json-schema.org/draft/2020-12/schema" => Ok(Draft::December2020),
            _ => Err(refused(format!(
                "`$schema` names {}; known are the drafts 4, 6, 7, 2019-09 and 2020-12 of json-schema.org",
                quoted(uri)
            ))),
        }
    }

    pub(super) fn options<'i>(self) -> ValidationOptions<'i> {
        match self {
            Draft::Four => jsonschema::draft4::options(),
            Draft::Six => jsonschema::draft6::options(),
            Draft::Seven => jsonschema::draft7::options(),
            Draft::September2019 => jsonschema::draft201909::options(),
            Draft::December2020 => jsonschema::draft202012::options(),
        }
    }

    /// Whether what stands beside a `$ref` counts.
    pub(super) fn reads_beside_reference(self) -> bool {
        matches!(self, Draft::September2019 | Draft::December2020)
    }

    /// Where the schema is not one by its draft.
    pub(super) fn against_meta_schema(self, schema: &Json) -> Vec<SchemaProblem> {
        let value = schema.to_value();
        let validator = match self {
            Draft::Four => jsonschema::draft4::meta::validator(),
            Draft::Six => jsonschema::draft6::meta::validator(),
            Draft::Seven => jsonschema::draft7::meta::validator(),
            Draft::September2019 => jsonschema::draft201909::meta::validator(),
            Draft::December2020 => jsonschema::draft202012::meta::validator(),
        };
        let mut problems: Vec<SchemaProblem> = Vec::new();
        for error in validator.iter_errors(&value) {
            let pointer = error.instance_path().as_str().to_owned();
            let what = pointer.rsplit_once('/').map_or_else(|| "the schema".to_owned(), |(_, key)| quoted(key));
            let found = schema.pointer(&pointer);
            let message = format!("{what} {}", words::of_violation(&error, found));
            let problem = SchemaProblem { pointer, message };
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        problems
    }
}
