//! Violations in plain words.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use crate::json::Json;
use crate::problem::{or_list, quoted};

use super::SchemaProblem;

/// Values and alternatives that a message lists.
const MOST_LISTED: usize = 12;

/// What is wrong with the schema if building the check failed.
pub(super) fn of_build_error(error: &ValidationError<'_>) -> SchemaProblem {
    let pointer = error.instance_path().as_str().to_owned();
    let message = match error.kind() {
        Kind::Format { .. } => of_violation(error, None),
        _ => quoted(&error.to_string()),
    };
    SchemaProblem { pointer, message }
}

/// What was expected of the value and what was found; `found` is the exact value, if it is there.
pub(super) fn of_violation(error: &ValidationError<'_>, found: Option<&Json>) -> String {
    let from_instance = || Json::from(error.instance().clone().into_owned());
    let described = found.map_or_else(|| describe(&from_instance()), describe);
    match expectation(error) {
        Expectation::Whole(message) => message,
        Expectation::Value(expected) => format!("{expected}, found {described}"),
    }
}

/// A value in words: its kind, and itself unless it is a container.
pub(super) fn describe(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => format!("`{value}`"),
        Json::Number(text) => format!("the number {}", quoted(text)),
        Json::String(text) if text.is_empty() => "an empty text".to_owned(),
        Json::String(text) => format!("the text {}", quoted(text)),
        Json::Array(elements) => format!("a list of {}", counted(elements.len(), "element")),
        Json::Object(members) => format!("an object of {}", counted(members.len(), "key")),
    }
}

enum Expectation {
    /// The message needs no word about what was found.
    Whole(String),
    Value(String),
}

fn expectation(error: &ValidationError<'_>) -> Expectation {
    use Expectation::{Value as Expected, Whole};
    match error.kind() {
        Kind::Required { property } => Whole(format!("{} is missing", quoted(&plain(property)))),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            Whole(not_allowed(unexpected))
        }
        Kind::AdditionalItems { limit } => Whole(format!("must have at most {}", counted(*limit, "element"))),
        Kind::UnevaluatedItems { .. } => Whole("has elements that the schema does not allow".to_owned()),
        Kind::FalseSchema => Whole("is not allowed".to_owned()),
        Kind::UniqueItems => Whole("must not hold the same element twice".to_owned()),
        Kind::Contains => Whole("holds no element that the schema asks for".to_owned()),
        Kind::PropertyNames { error } => Whole(format!("has a key that {}", of_violation(error, None))),
        Kind::Type { kind } => Expected(format!("must be {}", types(kind))),
        Kind::Enum { options } => Expected(format!("must be {}", one_of(options))),
        Kind::Constant { expected_value } => Expected(format!("must be {}", shown(expected_value))),
        Kind::Minimum { limit } => Expected(format!("must be at least {limit}")),
        Kind::Maximum { limit } => Expected(format!("must be at most {limit}")),
        Kind::ExclusiveMinimum { limit } => Expected(format!("must be more than {limit}")),
        Kind::ExclusiveMaximum { limit } => Expected(format!("must be less than {limit}")),
        Kind::MultipleOf { multiple_of } => Expected(format!("must be a multiple of {multiple_of}")),
        Kind::MinLength { limit } => Expected(format!("must have at least {}", counted(*limit, "character"))),
        Kind::MaxLength { limit } => Expected(format!("must have at most {}", counted(*limit, "character"))),
        Kind::MinItems { limit } => Expected(format!("must have at least {}", counted(*limit, "element"))),
        Kind::MaxItems { limit } => Expected(format!("must have at most {}", counted(*limit, "element"))),
        Kind::MinProperties { limit } => Expected(format!("must have at least {}", counted(*limit, "key"))),
        Kind::MaxProperties { limit } => Expected(format!("must have at most {}", counted(*limit, "key"))),
        Kind::Pattern { pattern } => Expected(format!("must match the pattern {}", quoted(pattern))),
        Kind::Format { format } if format == "regex" => {
            Expected("must be a regular expression, without look-around and back-references".to_owned())
        }
        Kind::Format { format } => Expected(format!("must have the format {}", quoted(format))),
        Kind::Not { .. } => Expected("must not be what the schema excludes".to_owned()),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            Expected(format!("fits none of the alternatives{}", alternatives(context)))
        }
        Kind::OneOfMultipleValid { .. } => {
            Expected("fits more than one of the alternatives, of which one must hold".to_owned())
        }
        _ => Whole(quoted(&error.masked_with("the value").to_string())),
    }
}

fn types(kind: &TypeKind) -> String {
    let word = |name: &str| match name {
        "array" => "a list",
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "object" => "an object",
        "string" => "a text",
        _ => "null",
    };
    match kind {
        TypeKind::Single(only) => word(only.as_str()).to_owned(),
        TypeKind::Multiple(several) => {
            let words: Vec<String> = several.iter().map(|each| word(each.as_str()).to_owned()).collect();
            or_list(&words)
        }
    }
}

fn one_of(options: &Value) -> String {
    let all = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut words: Vec<String> = all.iter().take(MOST_LISTED).map(shown).collect();
    if all.len() > MOST_LISTED {
        words.push(format!("one of {} others", all.len() - MOST_LISTED));
    }
    or_list(&words)
}

fn not_allowed(names: &[String]) -> String {
    let mut words: Vec<String> = names.iter().take(MOST_LISTED).map(|name| quoted(name)).collect();
    if names.len() > MOST_LISTED {
        words.push(format!("{} more", names.len() - MOST_LISTED));
    }
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb} not allowed here", words.join(", "))
}

/// The first complaint of each alternative, if there are few.
fn alternatives(context: &[Vec<ValidationError<'static>>]) -> String {
    if context.is_empty() || context.len() > 4 {
        return String::new();
    }
    let complaints: Vec<String> = context
        .iter()
        .filter_map(|errors| errors.first())
        .map(|error| match expectation(error) {
            Expectation::Whole(message) | Expectation::Value(message) => message,
        })
        .collect();
    format!(" ({})", complaints.join("; "))
}

fn shown(value: &Value) -> String {
    quoted(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn counted(count: impl Into<Count>, thing: &str) -> String {
    let Count(count) = count.into();
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

struct Count(u64);

impl From<u64> for Count {
    fn from(count: u64) -> Self {
        Count(count)
    }
}

impl From<usize> for Count {
    fn from(count: usize) -> Self {
        Count(u64::try_from(count).unwrap_or(u64::MAX))
    }
}
