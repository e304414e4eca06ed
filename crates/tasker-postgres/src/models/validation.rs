//! Rules that a row must keep, in the original's words.

use std::fmt;

use tasker_domain::json::Json;

use super::JsonText;

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// It is missing, empty or white space.
    Blank,
    /// Another row has this value.
    Taken,
    /// The row it refers to does not exist.
    MustExist,
    /// It is longer than its column.
    TooLong {
        /// Characters that fit.
        maximum: usize,
        /// Characters it has.
        length: usize,
    },
    /// A task of the same identity is stored already.
    Identical {
        /// That task, unless it came in between check and write.
        task_id: Option<i64>,
    },
    /// It holds something that PostgreSQL cannot store; the text says what.
    NotStorable(String),
    /// It breaks a rule of this model alone; the text is the original's.
    Rule(String),
}

impl Problem {
    /// The original's message, without the field's name.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Blank => "can't be blank".to_owned(),
            Self::Taken => "has already been taken".to_owned(),
            Self::MustExist => "must exist".to_owned(),
            Self::TooLong { maximum, .. } => format!("is too long (maximum is {maximum} characters)"),
            Self::Identical { .. } => "is identical to a request made in the last minute".to_owned(),
            Self::NotStorable(reason) | Self::Rule(reason) => reason.clone(),
        }
    }
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field or association, as the original names it (`named_task_id`, `task_namespace`); `base` for the whole row.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

impl FieldError {
    /// The original's full message: the field's name for people, and what is wrong: `Named task can't be blank`.
    #[must_use]
    pub fn full_message(&self) -> String {
        if self.field == BASE {
            return self.problem.message();
        }
        format!("{} {}", humanised(self.field), self.problem.message())
    }
}

/// Name of the field of an error that is about the whole row.
pub const BASE: &str = "base";

/// The broken rules of a row: never empty where it is in an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValidationErrors {
    errors: Vec<FieldError>,
}

impl ValidationErrors {
    /// Every broken rule, in the original's order.
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.errors.iter()
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// What is wrong with a field.
    pub fn on(&self, field: &str) -> impl Iterator<Item = &Problem> {
        self.errors.iter().filter(move |error| error.field == field).map(|error| &error.problem)
    }

    /// The original's full messages.
    #[must_use]
    pub fn full_messages(&self) -> Vec<String> {
        self.errors.iter().map(FieldError::full_message).collect()
    }

    /// Whether the row holds something that cannot even be sent to the database, so that nothing can be asked about it.
    pub(super) fn forbid_questions(&self) -> bool {
        self.errors.iter().any(|error| matches!(error.problem, Problem::NotStorable(_)))
    }

    pub(super) fn add(&mut self, field: &'static str, problem: Problem) {
        self.errors.push(FieldError { field, problem });
    }

    pub(super) fn rule(&mut self, field: &'static str, message: impl Into<String>) {
        self.add(field, Problem::Rule(message.into()));
    }

    /// Present: something else than white space stands there.
    pub(super) fn present(&mut self, field: &'static str, text: &str) {
        if text.chars().all(char::is_whitespace) {
            self.add(field, Problem::Blank);
        }
    }

    /// At most this many characters, none of them U+0000.
    pub(super) fn text(&mut self, field: &'static str, text: &str, maximum: Option<usize>) {
        let length = text.chars().count();
        if let Some(maximum) = maximum.filter(|maximum| length > *maximum) {
            self.add(field, Problem::TooLong { maximum, length });
        }
        if text.contains('\0') {
            let reason = "holds the character U+0000, which PostgreSQL cannot store".to_owned();
            self.add(field, Problem::NotStorable(reason));
        }
    }

    /// A text that may be missing.
    pub(super) fn optional_text(&mut self, field: &'static str, text: Option<&str>, maximum: Option<usize>) {
        if let Some(text) = text {
            self.text(field, text, maximum);
        }
    }

    /// JSON that PostgreSQL can hold. Returns it read, unless something is wrong with it.
    pub(super) fn json(&mut self, field: &'static str, text: Option<&JsonText>) -> Option<Json> {
        let json = match text?.parse() {
            Ok(json) => json,
            Err(error) => {
                self.add(field, Problem::NotStorable(format!("is not JSON that can be stored: {error}")));
                return None;
            }
        };
        if let Err(error) = json.check_storable() {
            self.add(field, Problem::NotStorable(format!("cannot be stored: {error}")));
            return None;
        }
        Some(json)
    }
}

/// `Validation failed: ` and the full messages, as the original's exceptions say it; a length that is too great is told
/// beside its limit.
impl fmt::Display for ValidationErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Validation failed: ")?;
        for (place, error) in self.errors.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            match error.problem {
                Problem::TooLong { maximum, length } => {
                    let field = humanised(error.field);
                    write!(f, "{field} is too long (maximum is {maximum} characters, it has {length})")?;
                }
                Problem::Identical { task_id: Some(task_id) } => {
                    write!(f, "{} (task {task_id})", error.full_message())?;
                }
                _ => f.write_str(&error.full_message())?,
            }
        }
        Ok(())
    }
}

/// `named_task_id` → `Named task`.
fn humanised(field: &str) -> String {
    let words = field.strip_suffix("_id").unwrap_or(field).replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
