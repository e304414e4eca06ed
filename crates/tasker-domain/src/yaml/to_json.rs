//! A tree as an exact JSON value.

use crate::json::Json;
use crate::problem::Problem;

use super::{Node, Resolved, Value};

impl Node<'_> {
    /// The value as JSON: numbers keep their spelling where JSON has it (`+5`, `007`, `.5`, `0x1f` become `5`, `7`,
    /// `0.5`, `31`), dates stay text.
    ///
    /// What JSON or PostgreSQL cannot hold is added to the problems, and `null` stands in its place.
    pub fn to_json(&self, problems: &mut Vec<Problem>) -> Json {
        match &self.value {
            Value::Sequence(elements) => elements.iter().map(|element| element.to_json(problems)).collect(),
            Value::Mapping(mapping) => {
                mapping.iter().map(|entry| (entry.key.to_string(), entry.node.to_json(problems))).collect()
            }
            Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => Json::Null,
                Resolved::Bool(value) => Json::Bool(value),
                Resolved::Text => Json::String(scalar.text.to_string()),
                Resolved::Int(number) | Resolved::Float(number) => {
                    let value = Json::Number(number);
                    if value.check_storable().is_ok() {
                        return value;
                    }
                    problems.push(
                        Problem::error(format!("{} is out of PostgreSQL's range", scalar.describe()))
                            .at(self.span.clone(), "too many digits before or after the decimal point")
                            .help("put it in quotes if it is meant as a text"),
                    );
                    Json::Null
                }
                Resolved::NotFinite => {
                    problems.push(
                        Problem::error(format!("{} cannot be stored: JSON has no such number", scalar.describe()))
                            .at(self.span.clone(), "not a finite number")
                            .help("put it in quotes if it is meant as a text"),
                    );
                    Json::Null
                }
            },
        }
    }
}
