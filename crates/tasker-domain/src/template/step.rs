//! One step of a template.

use std::ops::Range;

use crate::problem::Problem;
use crate::yaml::{Mapping, Node, Resolved};

use super::keys::{self, Place};
use super::model::{CustomEvent, Seconds, StepTemplate};
use super::reader::{Placed, Reader, short};
use super::{api_config, events};

/// Longest time limit and deadline, in seconds: a year.
const LONGEST_LIMIT: f64 = 31_536_000.0;

/// What steps take from their template when they do not say it themselves.
pub(super) struct Defaults {
    pub(super) namespace: String,
    pub(super) dependent_system: String,
    pub(super) jitter: bool,
    pub(super) queue: String,
    pub(super) priority: i32,
    pub(super) timeout_seconds: Option<Seconds>,
}

/// A step as far as it could be read, its dependencies still by name.
pub(super) struct Draft {
    pub(super) name: Option<Placed<String>>,
    /// `depends_on_step` first, then `depends_on_steps`.
    pub(super) dependencies: Vec<Placed<String>>,
    handler_class: Option<String>,
    rest: StepTemplate,
}

impl Draft {
    /// The step, if name and handler could be read.
    pub(super) fn finish(self, parents: Vec<usize>) -> Option<StepTemplate> {
        let name = self.name?.value;
        let description = if self.rest.description.is_empty() { name.clone() } else { self.rest.description };
        Some(StepTemplate { name, description, handler_class: self.handler_class?, parents, ..self.rest })
    }
}

/// The settings that both a template and a step have.
pub(super) struct Settings {
    pub(super) jitter: Option<bool>,
    pub(super) queue: Option<String>,
    pub(super) priority: Option<i32>,
    pub(super) timeout_seconds: Option<Seconds>,
}

pub(super) fn read_settings(mapping: &Mapping, reader: &mut Reader<'_>) -> Settings {
    Settings {
        jitter: reader.boolean(mapping, "jitter"),
        queue: reader.text(mapping, "queue", 64).map(|text| text.value),
        priority: reader
            .whole(mapping, "priority", i32::MIN.into()..=i32::MAX.into())
            .and_then(|number| i32::try_from(number.value).ok()),
        timeout_seconds: seconds(mapping, "timeout_seconds", reader),
    }
}

fn seconds(mapping: &Mapping, key: &str, reader: &mut Reader<'_>) -> Option<Seconds> {
    let seconds = reader.number(mapping, key)?;
    if !(0.001..=LONGEST_LIMIT).contains(&seconds.value) {
        reader.report(
            Problem::error(format!("`{key}` must lie between 0.001 and {LONGEST_LIMIT} (a year)"))
                .at(seconds.span, "out of range"),
        );
        return None;
    }
    let milliseconds = seconds.value * 1000.0;
    if (milliseconds - milliseconds.round()).abs() > 1e-4 {
        reader.report(
            Problem::error(format!("`{key}` has at most three decimals")).at(seconds.span, "finer than a millisecond"),
        );
        return None;
    }
    // Between 1 and 31,536,000,000 and whole by now, so the cast is exact.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked above")]
    Some(Seconds { milliseconds: milliseconds.round() as u64 })
}

/// Reads one step; nothing if it is not even a mapping.
pub(super) fn read(node: &Node, defaults: &Defaults, reader: &mut Reader<'_>) -> Option<Draft> {
    let step = reader.mapping_of("a step", node)?;
    keys::warn_of_unknown(step, Place::Step, reader.problems);
    let name = reader.text(step, "name", 128);
    if !step.contains_key("name") {
        reader.missing("name", &node.span, "a step");
    }
    let handler_class = reader.text(step, "handler_class", usize::MAX);
    if !step.contains_key("handler_class") {
        let place = name.as_ref().map_or(node.span.clone(), |name| name.span.clone());
        reader.missing("handler_class", &place, "a step");
    }
    let settings = read_settings(step, reader);
    let dependencies = dependencies(step, reader);
    let retry_limit = reader
        .whole(step, "default_retry_limit", 0..=i32::MAX.into())
        .and_then(|number| u32::try_from(number.value).ok());
    let handler_config = reader.mapping(step, "handler_config").map(|(config_node, config)| {
        api_config::check(config_node, config, reader);
        config_node.to_json(reader.problems)
    });
    let custom_events: Vec<CustomEvent> = events::read(step, &defaults.namespace, reader);
    let rest = StepTemplate {
        name: String::new(),
        description: description(step, reader).unwrap_or_default(),
        dependent_system: reader
            .text(step, "dependent_system", 64)
            .map_or_else(|| defaults.dependent_system.clone(), |text| text.value),
        handler_class: String::new(),
        parents: Vec::new(),
        retryable: reader.boolean(step, "default_retryable").unwrap_or(true),
        retry_limit: retry_limit.unwrap_or(3),
        skippable: reader.boolean(step, "skippable").unwrap_or(false),
        handler_config,
        jitter: settings.jitter.unwrap_or(defaults.jitter),
        queue: settings.queue.unwrap_or_else(|| defaults.queue.clone()),
        priority: settings.priority.unwrap_or(defaults.priority),
        timeout_seconds: settings.timeout_seconds.or(defaults.timeout_seconds),
        deadline_seconds: seconds(step, "deadline_seconds", reader),
        custom_events,
    };
    Some(Draft { name, dependencies, handler_class: handler_class.map(|text| text.value), rest })
}

/// A description: any text of at most 255 characters.
pub(super) fn description(mapping: &Mapping, reader: &mut Reader<'_>) -> Option<String> {
    let node = &mapping.get("description")?.node;
    let text = reader.any_text_of("`description`", node)?;
    if text.value.len() > 255 && text.value.chars().count() > 255 {
        let length = text.value.chars().count();
        reader.report(
            Problem::error(format!("`description` has {length} characters; at most 255 are allowed"))
                .at(text.span, "too long"),
        );
        return None;
    }
    Some(text.value)
}

fn dependencies(step: &Mapping, reader: &mut Reader<'_>) -> Vec<Placed<String>> {
    let mut found = Vec::new();
    if let Some(entry) = step.get("depends_on_step") {
        if entry.node.as_sequence().is_some() {
            let problem = reader
                .wrong_type("`depends_on_step`", &entry.node, "the name of one step")
                .help("a list stands under `depends_on_steps`");
            reader.report(problem);
        } else {
            found.extend(reader.text_of("`depends_on_step`", &entry.node, 128));
        }
    }
    let Some(entry) = step.get("depends_on_steps") else { return found };
    let Some(names) = entry.node.as_sequence() else {
        let mut problem = reader.wrong_type("`depends_on_steps`", &entry.node, "a list of step names");
        if let Some(scalar) = entry.node.as_scalar().filter(|scalar| scalar.resolve() == Resolved::Text) {
            let name = short(&scalar.text).unwrap_or("…");
            problem = problem.help(format!("write a list: [{name}]; a single name stands under `depends_on_step`"));
        }
        reader.report(problem);
        return found;
    };
    found.extend(names.iter().filter_map(|name| reader.text_of("each of `depends_on_steps`", name, 128)));
    found
}

/// Where a draft's name stands.
pub(super) fn place_of(draft: &Draft) -> Option<Range<usize>> {
    draft.name.as_ref().map(|name| name.span.clone())
}
