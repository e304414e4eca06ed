//! Values of known keys, each asked for with the type it must have.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use crate::problem::{Problem, quoted};
use crate::yaml::{Mapping, Node, Resolved};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// Reads keys and gathers what is wrong with them. A method answers nothing when the key is absent or its value wrong.
pub(super) struct Reader<'p> {
    pub(super) problems: &'p mut Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Says that a required key is missing from what stands at the place.
    pub(super) fn missing(&mut self, key: &str, within: &Range<usize>, what: impl fmt::Display) {
        self.report(Problem::error(format!("{what} has no `{key}`")).at(within.clone(), format!("`{key}` is missing")));
    }

    /// `what` names the value in the message, such as `` `priority` `` or `a step`; so in the other methods.
    pub(super) fn wrong_type(&mut self, what: impl fmt::Display, node: &Node, expected: &str) -> Problem {
        Problem::error(format!("{what} must be {expected}, found {}", node.describe()))
            .at(node.span.clone(), format!("expected {expected}"))
    }

    /// A text that is not blank, of at most `longest` characters.
    pub(super) fn text(&mut self, mapping: &Mapping, key: &str, longest: usize) -> Option<Placed<String>> {
        let node = &mapping.get(key)?.node;
        self.text_of(InQuotes(key), node, longest)
    }

    pub(super) fn text_of(&mut self, what: impl fmt::Display, node: &Node, longest: usize) -> Option<Placed<String>> {
        let text = self.any_text_of(&what, node)?;
        if text.value.trim().is_empty() {
            self.report(Problem::error(format!("{what} must not be blank")).at(text.span, "nothing to read here"));
            return None;
        }
        // A text has at least as many bytes as characters, and counting bytes costs nothing.
        if text.value.len() > longest && text.value.chars().count() > longest {
            let length = text.value.chars().count();
            self.report(
                Problem::error(format!("{what} has {length} characters; at most {longest} are allowed"))
                    .at(text.span, "too long"),
            );
            return None;
        }
        Some(text)
    }

    /// A text, blank or not.
    pub(super) fn any_text_of(&mut self, what: impl fmt::Display, node: &Node) -> Option<Placed<String>> {
        match node.as_scalar().map(|scalar| (scalar, scalar.resolve())) {
            Some((scalar, Resolved::Text)) => Some(Placed { value: scalar.text.to_string(), span: node.span.clone() }),
            Some((_, Resolved::Null)) => {
                let problem = self.wrong_type(what, node, "a text").help("write a value, or leave an optional key out");
                self.report(problem);
                None
            }
            Some((scalar, _)) => {
                let help = match short(&scalar.text) {
                    Some(text) => format!("put it in quotes if it is meant as a text: \"{text}\""),
                    None => "put it in quotes if it is meant as a text".to_owned(),
                };
                let problem = self.wrong_type(what, node, "a text").help(help);
                self.report(problem);
                None
            }
            None => {
                let problem = self.wrong_type(what, node, "a text");
                self.report(problem);
                None
            }
        }
    }

    pub(super) fn boolean(&mut self, mapping: &Mapping, key: &str) -> Option<bool> {
        let node = &mapping.get(key)?.node;
        match node.as_scalar().map(|scalar| scalar.resolve()) {
            Some(Resolved::Bool(value)) => Some(value),
            _ => {
                let mut problem = self.wrong_type(InQuotes(key), node, "`true` or `false`");
                let word = node.as_scalar().map(|scalar| scalar.text.to_lowercase()).unwrap_or_default();
                if matches!(word.as_str(), "yes" | "on" | "no" | "off") {
                    problem = problem.help("YAML 1.2 reads yes, no, on and off as texts; write `true` or `false`");
                }
                self.report(problem);
                None
            }
        }
    }

    /// A whole number within the range.
    pub(super) fn whole(&mut self, mapping: &Mapping, key: &str, range: RangeInclusive<i64>) -> Option<Placed<i64>> {
        let node = &mapping.get(key)?.node;
        let Some(Resolved::Int(digits)) = node.as_scalar().map(|scalar| scalar.resolve()) else {
            let problem = self.wrong_type(InQuotes(key), node, "a whole number");
            self.report(problem);
            return None;
        };
        match digits.parse::<i64>() {
            Ok(value) if range.contains(&value) => Some(Placed { value, span: node.span.clone() }),
            _ => {
                let (lowest, highest) = range.into_inner();
                let message = format!("`{key}` is {}; it must lie between {lowest} and {highest}", quoted(&digits));
                self.report(Problem::error(message).at(node.span.clone(), "out of range"));
                None
            }
        }
    }

    /// A number, whole or not, as the nearest float.
    pub(super) fn number(&mut self, mapping: &Mapping, key: &str) -> Option<Placed<f64>> {
        let node = &mapping.get(key)?.node;
        let value = match node.as_scalar().map(|scalar| scalar.resolve()) {
            Some(Resolved::Int(digits) | Resolved::Float(digits)) => digits.parse::<f64>().ok(),
            _ => None,
        };
        match value {
            Some(value) => Some(Placed { value, span: node.span.clone() }),
            None => {
                let problem = self.wrong_type(InQuotes(key), node, "a number");
                self.report(problem);
                None
            }
        }
    }

    pub(super) fn mapping<'n, 't>(
        &mut self,
        mapping: &'n Mapping<'t>,
        key: &str,
    ) -> Option<(&'n Node<'t>, &'n Mapping<'t>)> {
        let node = &mapping.get(key)?.node;
        self.mapping_of(InQuotes(key), node).map(|content| (node, content))
    }

    pub(super) fn mapping_of<'n, 't>(
        &mut self,
        what: impl fmt::Display,
        node: &'n Node<'t>,
    ) -> Option<&'n Mapping<'t>> {
        let content = node.as_mapping();
        if content.is_none() {
            let problem = self.wrong_type(what, node, "a mapping");
            self.report(problem);
        }
        content
    }

    pub(super) fn list<'n, 't>(
        &mut self,
        mapping: &'n Mapping<'t>,
        key: &str,
    ) -> Option<(&'n Node<'t>, &'n [Node<'t>])> {
        let node = &mapping.get(key)?.node;
        let content = node.as_sequence();
        if content.is_none() {
            let problem = self.wrong_type(InQuotes(key), node, "a list");
            self.report(problem);
        }
        content.map(|elements| (node, elements))
    }
}

/// A text that may stand in a help as it is: without control characters and not longer than a line.
pub(super) fn short(text: &str) -> Option<&str> {
    (text.len() <= 60 && !text.contains(char::is_control)).then_some(text)
}

/// A key in backquotes, put together only when a message needs it.
#[derive(Clone, Copy)]
struct InQuotes<'k>(&'k str);

impl fmt::Display for InQuotes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}
