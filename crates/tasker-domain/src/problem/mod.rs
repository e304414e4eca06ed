//! Problems of a text that somebody wrote: what is wrong, where, and what to do about it.

mod lines;
mod quote;
mod render;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use lines::LineStarts;
pub(crate) use quote::or_list;
pub use quote::{instead, nearest, quoted};
pub use render::Style;

/// How much a problem weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The text is refused.
    Error,
    /// The text is accepted, but probably does not mean what its author thinks.
    Warning,
}

/// A place in the text, with words beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place, in bytes from the beginning of the text.
    pub span: Range<usize>,
    /// The words; may be empty.
    pub text: String,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the text is refused for it.
    pub severity: Severity,
    /// What is wrong: lower case, without a final full stop.
    pub message: String,
    /// Where: the first place is the problem's own, the others belong to it. Empty when it is the whole text's.
    pub labels: Vec<Label>,
    /// What to do, if more can be said than the message does.
    pub help: Option<String>,
}

impl Problem {
    /// A problem for which the text is refused.
    pub fn error(message: impl Into<String>) -> Self {
        Problem { severity: Severity::Error, message: message.into(), labels: Vec::new(), help: None }
    }

    /// A problem that the text's author should know of.
    pub fn warning(message: impl Into<String>) -> Self {
        Problem { severity: Severity::Warning, message: message.into(), labels: Vec::new(), help: None }
    }

    /// Adds a place; the first one added is the problem's own.
    pub fn at(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A text with the name it is known by in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name, usually the file's path as the user gave it.
    pub name: String,
    /// The content, as read; that it is UTF-8 is checked by whoever parses it.
    pub bytes: Vec<u8>,
}

impl Source {
    /// A source of this name and content.
    pub fn new(name: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Source { name: name.into(), bytes: content.into() }
    }
}

/// All problems of one text, in the order of their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    source_name: String,
    text: Arc<str>,
    list: Vec<Problem>,
}

impl Problems {
    /// The problems of a text. They are put in the order of their places; those without one come first.
    pub fn new(source_name: impl Into<String>, text: impl Into<Arc<str>>, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| problem.labels.first().map(|label| label.span.start));
        Problems { source_name: source_name.into(), text: text.into(), list }
    }

    /// The name of the text.
    pub fn source_name(&self) -> &str {
        &self.source_name
    }

    /// Whether there is no problem.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Number of problems.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the text is refused.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// The problems.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// Line and column, both from 1, of a problem's own place; the column counts characters.
    pub fn position(&self, problem: &Problem) -> Option<(usize, usize)> {
        let start = problem.labels.first()?.span.start;
        Some(LineStarts::of(&self.text).position(&self.text, start))
    }

    /// The problems as a person reads them, each with an excerpt of the text; without a line break at the end.
    ///
    /// `width` is the terminal's, in columns: longer lines of the text are cut. At most 50 problems are shown, errors
    /// first; a last line counts the rest.
    pub fn render(&self, style: Style, width: usize) -> String {
        render::render(&self.source_name, &self.text, &self.list, style, width)
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One line for each problem: `name:line:column: error: message`.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = LineStarts::of(&self.text);
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&self.source_name)?;
            if let Some(label) = problem.labels.first() {
                let (line, column) = lines.position(&self.text, label.span.start);
                write!(f, ":{line}:{column}")?;
            }
            let severity = match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            write!(f, ": {severity}: {}", problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
