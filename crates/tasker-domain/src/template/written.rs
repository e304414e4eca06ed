//! A template in the words of the file again: after overlay and defaults, with nothing left to guess.

use indexmap::IndexMap;

use crate::json::Json;
use crate::yaml::{Resolved, resolve_plain};

use super::{CustomEvent, Seconds, StepTemplate, Template};

/// YAML takes keys of at most 1,024 characters without a question mark in front; an escape takes ten.
const LONGEST_PLAIN_KEY: usize = 100;

type Keys = IndexMap<&'static str, Json>;

/// The template's own keys, steps left out; those without a value are absent.
pub(super) fn task_keys(template: &Template) -> Keys {
    let mut keys = Keys::new();
    keys.insert("name", text(&template.name));
    keys.insert("namespace_name", text(&template.namespace));
    keys.insert("version", text(&template.version.to_string()));
    if let Some(description) = &template.description {
        keys.insert("description", text(description));
    }
    keys.insert("task_handler_class", text(&template.task_handler_class));
    keys.insert("strict", Json::Bool(template.strict));
    keys.insert("fail_fast", Json::Bool(template.fail_fast));
    if let Some(schema) = &template.context_schema {
        keys.insert("schema", schema.clone());
    }
    put_events(&mut keys, &template.custom_events);
    keys
}

/// A step's own keys, its dependencies left out; those without a value are absent.
pub(super) fn step_keys(step: &StepTemplate) -> Keys {
    let mut keys = Keys::new();
    keys.insert("name", text(&step.name));
    keys.insert("description", text(&step.description));
    keys.insert("dependent_system", text(&step.dependent_system));
    keys.insert("handler_class", text(&step.handler_class));
    if let Some(config) = &step.handler_config {
        keys.insert("handler_config", config.clone());
    }
    keys.insert("default_retryable", Json::Bool(step.retryable));
    keys.insert("default_retry_limit", Json::Number(step.retry_limit.to_string()));
    keys.insert("skippable", Json::Bool(step.skippable));
    keys.insert("jitter", Json::Bool(step.jitter));
    keys.insert("queue", text(&step.queue));
    keys.insert("priority", Json::Number(step.priority.to_string()));
    if let Some(timeout) = step.timeout_seconds {
        keys.insert("timeout_seconds", seconds(timeout));
    }
    if let Some(deadline) = step.deadline_seconds {
        keys.insert("deadline_seconds", seconds(deadline));
    }
    put_events(&mut keys, &step.custom_events);
    keys
}

impl Template {
    /// The template as a file that a person can read: overlay laid over, defaults written out, one YAML document that
    /// [`crate::template::parse`] reads back as the same template.
    pub fn to_yaml(&self) -> String {
        let mut document = task_keys(self);
        let steps = self.steps.iter().map(|step| {
            let mut keys = step_keys(step);
            if !step.parents.is_empty() {
                let names = step.parents.iter().map(|parent| text(&self.steps[*parent].name)).collect();
                keys.insert("depends_on_steps", Json::Array(names));
                let last = keys.len() - 1;
                keys.move_index(last, 1);
            }
            Json::Object(keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        });
        document.insert("step_templates", Json::Array(steps.collect()));
        let mut written = String::new();
        for (key, value) in &document {
            write_entry(key, value, 0, &mut written);
        }
        written
    }
}

fn text(value: &str) -> Json {
    Json::String(value.to_owned())
}

fn put_events(keys: &mut Keys, events: &[CustomEvent]) {
    if events.is_empty() {
        return;
    }
    let list = events.iter().map(|event| {
        let mut members = IndexMap::new();
        members.insert("name".to_owned(), text(&event.name));
        if let Some(description) = &event.description {
            members.insert("description".to_owned(), text(description));
        }
        Json::Object(members)
    });
    keys.insert("custom_events", Json::Array(list.collect()));
}

/// Seconds with as many decimals as they need.
fn seconds(duration: Seconds) -> Json {
    let whole = duration.milliseconds / 1000;
    let fraction = duration.milliseconds % 1000;
    if fraction == 0 {
        return Json::Number(whole.to_string());
    }
    let decimals = format!("{fraction:03}");
    Json::Number(format!("{whole}.{}", decimals.trim_end_matches('0')))
}

fn write_entry(key: &str, value: &Json, indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
    write_key_and_value(key, value, indent, out);
}

fn write_key_and_value(key: &str, value: &Json, indent: usize, out: &mut String) {
    if key.len() > LONGEST_PLAIN_KEY {
        out.push_str("? ");
        write_scalar_text(key, out);
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
    } else {
        write_scalar_text(key, out);
    }
    match value {
        Json::Object(members) if !members.is_empty() => {
            out.push_str(":\n");
            for (inner_key, inner) in members {
                write_entry(inner_key, inner, indent + 2, out);
            }
        }
        Json::Array(elements) if elements.iter().any(is_nested) => {
            out.push_str(":\n");
            for element in elements {
                write_element(element, indent + 2, out);
            }
        }
        _ => {
            out.push_str(": ");
            write_flow(value, out);
            out.push('\n');
        }
    }
}

fn write_element(element: &Json, indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
    out.push_str("- ");
    match element {
        Json::Object(members) if !members.is_empty() => {
            for (position, (key, value)) in members.iter().enumerate() {
                if position == 0 {
                    write_key_and_value(key, value, indent + 2, out);
                } else {
                    write_entry(key, value, indent + 2, out);
                }
            }
        }
        _ => {
            write_flow(element, out);
            out.push('\n');
        }
    }
}

fn is_nested(value: &Json) -> bool {
    matches!(value, Json::Object(members) if !members.is_empty()) || matches!(value, Json::Array(_))
}

/// A value on one line.
fn write_flow(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => out.push_str(number),
        Json::String(text) => write_scalar_text(text, out),
        Json::Array(elements) => {
            out.push('[');
            for (position, element) in elements.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                write_flow(element, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (position, (key, member)) in members.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                if key.len() > LONGEST_PLAIN_KEY {
                    out.push_str("? ");
                }
                write_scalar_text(key, out);
                out.push_str(": ");
                write_flow(member, out);
            }
            out.push('}');
        }
    }
}

/// A text, in quotes unless it is plainly one without them.
fn write_scalar_text(value: &str, out: &mut String) {
    if is_plainly_text(value) {
        out.push_str(value);
        return;
    }
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ if character.is_control() || is_unsafe(character) => {
                out.push_str(&format!("\\U{:08x}", u32::from(character)));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// Whether every reader of YAML takes the word for a text, older ones included: those know `yes`, `on` and `1:20`.
fn is_plainly_text(value: &str) -> bool {
    if is_version(value) {
        return true;
    }
    let begins_well = value.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let ends_well = value.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_');
    let holds_only_harmless =
        value.chars().all(|character| character.is_ascii_alphanumeric() || " _-./:".contains(character));
    let is_old_boolean = ["y", "n", "yes", "no", "on", "off"].iter().any(|word| value.eq_ignore_ascii_case(word));
    begins_well
        && ends_well
        && holds_only_harmless
        && !value.contains(": ")
        && !is_old_boolean
        && resolve_plain(value) == Resolved::Text
}

fn is_version(value: &str) -> bool {
    value.split('.').count() == 3
        && value.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Line breaks that editors know, marks of byte order and direction, and what YAML does not allow as it is.
fn is_unsafe(character: char) -> bool {
    matches!(
        character,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}
