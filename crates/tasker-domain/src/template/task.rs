//! The template as a whole.

use crate::context::ContextCheck;
use crate::json::Json;
use crate::problem::Problem;
use crate::yaml::{Mapping, Node, Resolved, Value};

use super::dependencies::{self, NamedSteps};
use super::keys::{self, Place};
use super::model::{Template, Version};
use super::reader::Reader;
use super::step::{self, Defaults, Draft};
use super::{events, overlay};

/// Checks everything. Nothing comes back when something that every template needs could not be read; there is an error
/// among the problems then.
pub(super) fn check(root: &Node, environment: Option<&str>, problems: &mut Vec<Problem>) -> Option<Template> {
    let mut reader = Reader { problems };
    let Some(written) = root.as_mapping() else {
        let message = format!("a template is a mapping of keys such as `name`, found {}", root.describe());
        reader.report(Problem::error(message).at(root.span.clone(), "expected `key: value` lines"));
        return None;
    };
    let task = overlay::apply(written, environment, &mut reader);
    keys::warn_of_unknown(&task, Place::Task, reader.problems);
    report_missing(&task, &mut reader);

    let name = reader.text(&task, "name", 64);
    let task_handler_class = reader.text(&task, "task_handler_class", usize::MAX);
    let version = version(&task, &mut reader);
    let description = step::description(&task, &mut reader);
    let namespace = reader.text(&task, "namespace_name", 64).map_or_else(|| "default".to_owned(), |text| text.value);
    reader.text(&task, "module_namespace", usize::MAX);
    reader.boolean(&task, "concurrent");
    reader.mapping(&task, "handler_config");
    let strict = reader.boolean(&task, "strict").unwrap_or(false);
    let fail_fast = reader.boolean(&task, "fail_fast").unwrap_or(false);
    let context_schema = context_schema(&task, &mut reader);
    let custom_events = events::read(&task, &namespace, &mut reader);
    let named_steps = named_steps(&task, &mut reader);
    let settings = step::read_settings(&task, &mut reader);
    let defaults = Defaults {
        dependent_system: reader
            .text(&task, "default_dependent_system", 64)
            .map_or_else(|| "unknown".to_owned(), |text| text.value),
        jitter: settings.jitter.unwrap_or(true),
        queue: settings.queue.unwrap_or_else(|| namespace.clone()),
        priority: settings.priority.unwrap_or(0),
        timeout_seconds: settings.timeout_seconds,
        namespace: namespace.clone(),
    };
    let drafts = steps(&task, &defaults, &mut reader);
    let mut parents = dependencies::check(&drafts, named_steps.as_ref(), &mut reader);
    parents.resize(drafts.len(), Vec::new());
    let finished: Option<Vec<_>> =
        drafts.into_iter().zip(parents).map(|(draft, step_parents)| draft.finish(step_parents)).collect();
    Some(Template {
        name: name?.value,
        namespace,
        version: version?,
        description,
        task_handler_class: task_handler_class?.value,
        context_schema,
        strict,
        fail_fast,
        steps: finished.filter(|steps| !steps.is_empty())?,
        custom_events,
    })
}

fn report_missing(task: &Mapping, reader: &mut Reader<'_>) {
    let Some(first) = task.iter().next() else {
        reader.report(Problem::error("the template has no keys"));
        return;
    };
    for (key, written_instead) in
        [("name", None), ("task_handler_class", Some("handler")), ("step_templates", Some("steps"))]
    {
        if task.contains_key(key) {
            continue;
        }
        let instead = written_instead.and_then(|word| task.get(word));
        let place = instead.map_or_else(|| first.key_span.clone(), |entry| entry.key_span.clone());
        let label = if instead.is_some() { "is this meant?" } else { "in this template" };
        reader.report(Problem::error(format!("the template has no `{key}`")).at(place, label));
    }
}

fn version(task: &Mapping, reader: &mut Reader<'_>) -> Option<Version> {
    let Some(entry) = task.get("version") else { return Some(Version::DEFAULT) };
    let node = &entry.node;
    let Some(scalar) = node.as_scalar().filter(|scalar| scalar.resolve() != Resolved::Null) else {
        let problem = reader.wrong_type("`version`", node, "three numbers with dots between them");
        reader.report(problem);
        return None;
    };
    match scalar.text.parse::<Version>() {
        Ok(version) => Some(version),
        Err(error) => {
            let mut problem = Problem::error(error.to_string()).at(node.span.clone(), "not a version");
            if let Some(fixed) = three_numbers(&scalar.text) {
                problem = problem.help(format!("write {fixed}"));
            }
            reader.report(problem);
            None
        }
    }
}

/// What a version such as `1`, `1.0` or `v1.2.3` was probably meant to be.
fn three_numbers(text: &str) -> Option<Version> {
    let digits = text.trim().trim_start_matches(['v', 'V']);
    let missing = 2_usize.checked_sub(digits.matches('.').count())?;
    format!("{digits}{}", ".0".repeat(missing)).parse().ok()
}

fn context_schema(task: &Mapping, reader: &mut Reader<'_>) -> Option<Json> {
    let (node, _) = reader.mapping(task, "schema")?;
    let key_span = task.get("schema").map(|entry| entry.key_span.clone());
    let before = reader.problems.len();
    let schema = node.to_json(reader.problems);
    if reader.problems.len() > before {
        return None;
    }
    if let Err(refused) = ContextCheck::compile(Some(&schema), false) {
        for fault in refused.list {
            let place = at_pointer(node, &fault.pointer);
            let mut problem = Problem::error(format!("the context schema cannot be used: {}", fault.message));
            if place.span != node.span {
                problem = problem.at(place.span.clone(), "here");
            }
            if let Some(key_span) = &key_span {
                problem = problem.at(key_span.clone(), "in this schema");
            }
            reader.report(problem);
        }
        return None;
    }
    Some(schema)
}

/// The node a JSON pointer leads to, or the last one on the way that exists.
fn at_pointer<'n, 't>(node: &'n Node<'t>, pointer: &str) -> &'n Node<'t> {
    let mut current = node;
    for token in pointer.split('/').skip(1) {
        let key = token.replace("~1", "/").replace("~0", "~");
        let next = match &current.value {
            Value::Mapping(mapping) => mapping.get(&key).map(|entry| &entry.node),
            Value::Sequence(elements) => key.parse::<usize>().ok().and_then(|index| elements.get(index)),
            Value::Scalar(_) => None,
        };
        match next {
            Some(node) => current = node,
            None => break,
        }
    }
    current
}

fn named_steps(task: &Mapping, reader: &mut Reader<'_>) -> Option<NamedSteps> {
    let (_, elements) = reader.list(task, "named_steps")?;
    let mut names = NamedSteps::new();
    for element in elements {
        let Some(name) = reader.text_of("each of `named_steps`", element, 128) else { continue };
        if let Some(first) = names.get(&name.value) {
            reader.report(
                Problem::error(format!("`named_steps` lists `{}` twice", name.value))
                    .at(name.span, "here again")
                    .at(first.clone(), "first here"),
            );
            continue;
        }
        names.insert(name.value, name.span);
    }
    Some(names)
}

fn steps(task: &Mapping, defaults: &Defaults, reader: &mut Reader<'_>) -> Vec<Draft> {
    let Some((node, elements)) = reader.list(task, "step_templates") else { return Vec::new() };
    if elements.is_empty() {
        reader.report(
            Problem::error("`step_templates` is empty: a task needs at least one step")
                .at(node.span.clone(), "no step in this list"),
        );
    }
    elements.iter().filter_map(|element| step::read(element, defaults, reader)).collect()
}
