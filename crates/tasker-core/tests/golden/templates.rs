//! The templates of the recordings.

use std::fmt::Write;

use serde_json::Value;
use tasker_domain::template::{Source, Template, parse};

use crate::case::Case;
use crate::handler::HANDLER;

/// A step and what it waits for, as the recordings' README lists them; after a colon what differs from the defaults.
const KNOWN: [(&str, &[&str]); 7] = [
    ("peer_single", &["only"]),
    ("peer_linear4", &["s1", "s2 < s1", "s3 < s2", "s4 < s3"]),
    ("peer_diamond", &["start", "left < start", "right < start", "join < left, right"]),
    ("peer_tree", &["root", "a < root", "b < root", "a1 < a", "a2 < a", "b1 < b", "b2 < b", "leafs < a1, a2, b1, b2"]),
    ("peer_fan5", &["f1", "f2", "f3", "f4", "f5", "gather < f1, f2, f3, f4, f5"]),
    ("peer_limit1", &["s1", "s2 < s1 : default_retry_limit: 1", "s3 < s2"]),
    ("peer_once", &["s1", "s2 < s1 : default_retryable: false, default_retry_limit: 1", "s3 < s2"]),
];

const HEAD: &str = "
namespace_name: peer
version: 1.0.0
task_handler_class: Peer
default_dependent_system: peer-system
strict: true
schema:
  type: object
  required: [run, script]
  properties: { run: { type: string }, script: { type: object } }
step_templates:
";

/// The template of a case: the one that the README describes under its name, or else what the rows of its task say.
pub(crate) fn of(case: &Case) -> Result<Template, String> {
    let mut text = format!("name: {}{HEAD}", case.template);
    match KNOWN.iter().find(|(name, _)| *name == case.template) {
        Some((_, steps)) => steps.iter().for_each(|step| described(&mut text, step)),
        None => recorded(&mut text, case)?,
    }
    parse(&Source::new(format!("{}.yaml", case.template), text), None)
        .map(|parsed| parsed.template)
        .map_err(|problems| format!("its template cannot be read: {problems:?}"))
}

fn described(text: &mut String, step: &str) {
    let (step, more) = step.split_once(" : ").unwrap_or((step, ""));
    let (name, parents) = step.split_once(" < ").unwrap_or((step, ""));
    line(text, name, parents, more);
}

fn line(text: &mut String, name: &str, parents: &str, more: &str) {
    let comma = if more.is_empty() { "" } else { ", " };
    writeln!(text, "  - {{ name: {name}, handler_class: {HANDLER}, depends_on_steps: [{parents}]{comma}{more} }}")
        .unwrap();
}

fn recorded(text: &mut String, case: &Case) -> Result<(), String> {
    let rows = case.phases.iter().find_map(|phase| phase.rows.as_ref());
    let rows = rows.ok_or_else(|| format!("the template {} is not known", case.template))?;
    let list = |key: &str| rows[key].as_array().map(Vec::as_slice).unwrap_or_default();
    for step in list("steps") {
        let name = step["name"].as_str().ok_or("a step has no name")?;
        let parents: Vec<&str> =
            list("edges").iter().filter(|edge| edge["to"] == name).filter_map(|edge| edge["from"].as_str()).collect();
        let or = |value: &Value, other: &str| if value.is_null() { other.to_owned() } else { value.to_string() };
        let more = format!(
            "default_retryable: {}, default_retry_limit: {}, skippable: {}",
            or(&step["retryable"], "true"),
            or(&step["retry_limit"], "3"),
            or(&step["skippable"], "false")
        );
        line(text, name, &parents.join(", "), &more);
    }
    Ok(())
}
