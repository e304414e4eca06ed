//! The keys of each mapping, and what somebody may have meant by another.

use std::sync::LazyLock;

use crate::problem::{Problem, nearest, or_list, quoted};
use crate::yaml::Mapping;

use super::format::{EventFile, StepFile, TaskFile, keys_of};

static TASK: LazyLock<Vec<String>> = LazyLock::new(keys_of::<TaskFile>);
static STEP: LazyLock<Vec<String>> = LazyLock::new(keys_of::<StepFile>);
static EVENT: LazyLock<Vec<String>> = LazyLock::new(keys_of::<EventFile>);

/// Words that are near to a key in meaning, not in spelling.
const MEANT_FOR_TASK: &[(&str, &str)] = &[
    ("steps", "`step_templates`"),
    ("step_template", "`step_templates`"),
    ("namespace", "`namespace_name`"),
    ("handler", "`task_handler_class`"),
    ("context_schema", "`schema`"),
    ("events", "`custom_events`"),
    ("timeout", "`timeout_seconds`"),
];

const MEANT_FOR_STEP: &[(&str, &str)] = &[
    ("depends_on", "`depends_on_step` (one name) or `depends_on_steps` (a list)"),
    ("needs", "`depends_on_step` (one name) or `depends_on_steps` (a list)"),
    ("retry_limit", "`default_retry_limit`"),
    ("max_attempts", "`default_retry_limit`"),
    ("retries", "`default_retry_limit`"),
    ("retryable", "`default_retryable`"),
    ("handler", "`handler_class`"),
    ("config", "`handler_config`"),
    ("events", "`custom_events`"),
    ("timeout", "`timeout_seconds`"),
    ("deadline", "`deadline_seconds`"),
];

/// Once a file has this many problems, hints are no longer looked for: each costs a comparison with every key.
const ENOUGH_PROBLEMS: usize = 1_000;

/// Which mapping the keys belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Task,
    Step,
    Event,
}

/// Warns of every key that means nothing here; keys that begin with `x-` are the author's own.
pub(super) fn warn_of_unknown(mapping: &Mapping, place: Place, problems: &mut Vec<Problem>) {
    let (known, meant): (&[String], _) = match place {
        Place::Task => (&TASK, MEANT_FOR_TASK),
        Place::Step => (&STEP, MEANT_FOR_STEP),
        Place::Event => (&EVENT, &[][..]),
    };
    for entry in mapping {
        let key: &str = &entry.key;
        if known.iter().any(|name| name == key) || key.starts_with("x-") {
            continue;
        }
        let mut problem = Problem::warning(format!("the key {} is unknown and ignored", quoted(key)))
            .at(entry.key_span.clone(), "unknown key");
        let is_hinted = problems.len() < ENOUGH_PROBLEMS;
        if let Some(help) = is_hinted.then(|| hint(key, place, known, meant)).flatten() {
            problem = problem.help(help);
        }
        problems.push(problem);
    }
}

fn hint(key: &str, place: Place, known: &[String], meant: &[(&str, &str)]) -> Option<String> {
    if let Some((_, wanted)) = meant.iter().find(|(word, _)| *word == key) {
        return Some(format!("the key is called {wanted}"));
    }
    if place == Place::Task && STEP.iter().any(|name| name == key) {
        return Some(format!("`{key}` belongs to a step, not to the template"));
    }
    if place == Place::Step && TASK.iter().any(|name| name == key) {
        return Some(format!("`{key}` belongs to the template, not to a step"));
    }
    let near: Vec<String> = nearest(key, known.iter().map(String::as_str)).into_iter().map(quoted).collect();
    if near.is_empty() {
        let nearest_in_meaning = nearest(key, meant.iter().map(|(word, _)| *word)).into_iter().next();
        if let Some((_, wanted)) = nearest_in_meaning.and_then(|near| meant.iter().find(|(word, _)| *word == near)) {
            return Some(format!("the key is called {wanted}"));
        }
        return Some("keys of your own begin with `x-`".to_owned()).filter(|_| place != Place::Event);
    }
    Some(format!("did you mean {}?", or_list(&near)))
}
