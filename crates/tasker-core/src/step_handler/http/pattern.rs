//! Texts with `{key}` places that the task's context fills.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::step_handler::{StepContext, StepError};

/// A text cut at its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Key(String),
}

impl Pattern {
    /// Cuts a text. A place is a name in braces: letters, digits, `_` and `-`, not beginning with a digit. Everything else
    /// in braces is text, and so is `${name}`, which templates carry for other programs.
    pub(super) fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from_brace) = rest.split_at(open);
            let name = from_brace[1..].split('}').next().unwrap_or_default();
            let closed = from_brace[1..].len() > name.len();
            plain.push_str(before);
            if closed && is_name(name) && !before.ends_with('$') {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Key(name.to_owned()));
                rest = &from_brace[name.len() + 2..];
            } else {
                plain.push('{');
                rest = &from_brace[1..];
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Self { pieces }
    }

    /// The keys that are filled in.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Key(key) => Some(key.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The text with each place replaced by what `value` gives for its key and the text in front of it.
    pub(super) fn fill<E>(&self, mut value: impl FnMut(&str, &str) -> Result<String, E>) -> Result<String, E> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Key(key) => filled.push_str(&value(key, &filled)?),
            }
        }
        Ok(filled)
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The top level of a task's context, of which places are filled.
#[derive(Default)]
pub(super) struct ContextValues<'a> {
    members: HashMap<Cow<'a, str>, &'a RawValue>,
}

impl<'a> ContextValues<'a> {
    pub(super) fn of(step: &'a StepContext) -> Result<Self, StepError> {
        let members = serde_json::from_str(step.raw_context().get())
            .map_err(|error| invalid(format!("the task's context is not an object with values to fill in: {error}")))?;
        Ok(Self { members })
    }

    /// The value of a key as text: a text as it is, a number as it is spelled, `true` or `false`.
    pub(super) fn text(&self, key: &str) -> Result<String, StepError> {
        let Some(value) = self.members.get(key) else {
            return Err(invalid(format!("the task's context has no `{key}`, which the request needs for `{{{key}}}`")));
        };
        match value.get().as_bytes().first() {
            Some(b'"') => Ok(serde_json::from_str(value.get())?),
            Some(b'{' | b'[' | b'n') => Err(invalid(format!(
                "`{key}` of the task's context must be a text, a number or a boolean to be filled in for `{{{key}}}`"
            ))),
            _ => Ok(value.get().to_owned()),
        }
    }
}

pub(super) fn invalid(message: String) -> StepError {
    StepError::permanent(message).with_class("InvalidRequest").with_code("INVALID_REQUEST")
}

/// The text with everything but letters, digits and `-._~` written as `%XX`, so that it cannot mean anything but itself
/// wherever it stands in an URL.
pub(super) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
