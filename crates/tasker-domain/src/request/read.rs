//! A request from JSON.

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::json::Json;
use crate::problem::{nearest, or_list, quoted};
use crate::template::Version;

use super::{CheckedRequest, LONGEST_NAME, LONGEST_ORIGIN, RequestProblem, RequestProblems, TaskRequest};

const FIELDS: [&str; 12] = [
    "name",
    "namespace",
    "version",
    "context",
    "status",
    "initiator",
    "source_system",
    "reason",
    "complete",
    "tags",
    "bypass_steps",
    "requested_at",
];

/// Words that are near to a field in meaning, not in spelling.
const MEANT: [(&str, &str); 2] = [("namespace_name", "namespace"), ("task_name", "name")];

/// For how many unknown keys near words are looked for.
const MOST_SUGGESTIONS: usize = 50;

/// Gathers problems while fields are read.
struct Fields<'j> {
    json: &'j Json,
    problems: Vec<RequestProblem>,
}

pub(super) fn request(json: &Json) -> Result<CheckedRequest, RequestProblems> {
    let Some(members) = json.as_object() else {
        let message = format!("must be an object, found {}", json.kind());
        return Err(RequestProblems { list: vec![RequestProblem { pointer: String::new(), message }] });
    };
    let mut fields = Fields { json, problems: Vec::new() };
    let name = fields.name("name");
    fields.required("name");
    let namespace = fields.name("namespace");
    let version = fields.version();
    let context = fields.context();
    fields.required("context");
    let mut request = TaskRequest::new(name.unwrap_or_default(), context.unwrap_or(Json::Null));
    request.namespace = namespace.unwrap_or(request.namespace);
    request.version = version;
    request.status = fields.text("status", usize::MAX).unwrap_or(request.status);
    request.initiator = fields.text("initiator", LONGEST_ORIGIN).unwrap_or(request.initiator);
    request.source_system = fields.text("source_system", LONGEST_ORIGIN).unwrap_or(request.source_system);
    request.reason = fields.text("reason", LONGEST_ORIGIN).unwrap_or(request.reason);
    request.complete = fields.boolean("complete").unwrap_or(false);
    request.tags = fields.texts("tags");
    request.bypass_steps = fields.texts("bypass_steps");
    request.requested_at = fields.instant("requested_at");
    if !fields.problems.is_empty() {
        return Err(RequestProblems { list: fields.problems });
    }
    let unknown = members.keys().filter(|key| !FIELDS.contains(&key.as_str()));
    let ignored = unknown.enumerate().map(|(place, key)| ignored(key, place < MOST_SUGGESTIONS)).collect();
    Ok(CheckedRequest { request, ignored })
}

fn ignored(key: &str, is_hinted: bool) -> RequestProblem {
    let near: Vec<String> = match MEANT.iter().find(|(word, _)| *word == key) {
        Some((_, field)) => vec![quoted(field)],
        None if is_hinted => nearest(key, FIELDS).into_iter().map(quoted).collect(),
        None => Vec::new(),
    };
    let hint = if near.is_empty() { String::new() } else { format!("; did you mean {}?", or_list(&near)) };
    let pointer = format!("/{}", crate::json::escape_pointer(key));
    RequestProblem { pointer, message: format!("the key is unknown and ignored{hint}") }
}

impl<'j> Fields<'j> {
    /// The value; null counts as absent.
    fn get(&self, field: &str) -> Option<&'j Json> {
        self.json.get(field).filter(|value| !value.is_null())
    }

    fn refuse(&mut self, pointer: String, message: impl Into<String>) {
        self.problems.push(RequestProblem { pointer, message: message.into() });
    }

    fn wrong_type(&mut self, field: &str, expected: &str, found: &Json) {
        self.refuse(format!("/{field}"), format!("must be {expected}, found {}", found.kind()));
    }

    fn required(&mut self, field: &str) {
        if self.get(field).is_none() {
            self.refuse(format!("/{field}"), "is required");
        }
    }

    fn text(&mut self, field: &str, longest: usize) -> Option<String> {
        let value = self.get(field)?;
        let Some(text) = value.as_str() else {
            self.wrong_type(field, "a text", value);
            return None;
        };
        self.storable(format!("/{field}"), text, longest)
    }

    /// The text, if PostgreSQL can store it and it is no longer than that many characters.
    fn storable(&mut self, pointer: String, text: &str, longest: usize) -> Option<String> {
        let length = text.chars().count();
        if length > longest {
            self.refuse(pointer, format!("has {length} characters; at most {longest} are allowed"));
            return None;
        }
        if text.contains('\0') {
            self.refuse(pointer, "holds the character U+0000, which PostgreSQL cannot store");
            return None;
        }
        Some(text.to_owned())
    }

    fn name(&mut self, field: &str) -> Option<String> {
        let text = self.text(field, LONGEST_NAME)?;
        if text.trim().is_empty() {
            self.refuse(format!("/{field}"), "must not be blank");
            return None;
        }
        Some(text)
    }

    fn boolean(&mut self, field: &str) -> Option<bool> {
        let value = self.get(field)?;
        if value.as_bool().is_none() {
            self.wrong_type(field, "`true` or `false`", value);
        }
        value.as_bool()
    }

    fn version(&mut self) -> Option<Version> {
        let text = self.text("version", usize::MAX)?;
        match text.parse() {
            Ok(version) => Some(version),
            Err(_) => {
                let message = format!(
                    "{} is not a version: write three numbers with dots between them, such as 1.0.0",
                    quoted(&text)
                );
                self.refuse("/version".to_owned(), message);
                None
            }
        }
    }

    fn context(&mut self) -> Option<Json> {
        let value = self.get("context")?;
        if value.as_object().is_none() {
            self.wrong_type("context", "an object", value);
            return None;
        }
        Some(value.clone())
    }

    fn texts(&mut self, field: &str) -> Vec<String> {
        let Some(value) = self.get(field) else { return Vec::new() };
        let Some(elements) = value.as_array() else {
            self.wrong_type(field, "a list of texts", value);
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(elements.len());
        for (place, element) in elements.iter().enumerate() {
            let pointer = format!("{field}/{place}");
            match element.as_str() {
                Some(text) => texts.extend(self.storable(format!("/{pointer}"), text, usize::MAX)),
                None => self.wrong_type(&pointer, "a text", element),
            }
        }
        texts
    }

    fn instant(&mut self, field: &str) -> Option<DateTime<Utc>> {
        let text = self.text(field, usize::MAX)?;
        let instant =
            DateTime::parse_from_rfc3339(&text).map(|instant| instant.with_timezone(&Utc)).ok().or_else(|| {
                // Without an offset it is in UTC, as the original reads it.
                NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|naive| naive.and_utc())
            });
        if instant.is_none() {
            let message = format!("{} is not an instant: write it as 2025-07-13T09:30:00Z", quoted(&text));
            self.refuse(format!("/{field}"), message);
        }
        instant
    }
}
