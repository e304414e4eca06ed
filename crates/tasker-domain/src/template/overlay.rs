//! Overlays: what an environment changes.

use std::rc::Rc;

use indexmap::IndexMap;

use crate::problem::{Problem, nearest, or_list, quoted};
use crate::yaml::{Entry, Mapping, Node, Resolved, Value};

use super::reader::Reader;

const STEPS: &str = "step_templates";
/// For how many overlay steps that match nothing near names are looked for.
const MOST_SUGGESTIONS: usize = 50;

/// The template's mapping without its environments, the chosen one laid over it.
///
/// A mapping over a mapping is merged key by key, anything else replaced; steps are matched by name, and an overlay step
/// that matches none is left out with a warning. Overlays of other environments are looked at for their form only.
pub(super) fn apply<'t>(root: &Mapping<'t>, environment: Option<&str>, reader: &mut Reader<'_>) -> Mapping<'t> {
    let mut base = root.without("environments");
    let Some((_, environments)) = reader.mapping(root, "environments") else { return base };
    let names = step_names(&base);
    let mut chosen = None;
    for entry in environments {
        let name: &str = &entry.key;
        if entry.node.is_null() {
            continue;
        }
        let Some(overlay) = reader.mapping_of(format_args!("the overlay {}", quoted(name)), &entry.node) else {
            continue;
        };
        let steps = overlay_steps(overlay, &names, reader);
        if Some(name) == environment {
            chosen = Some((overlay, steps));
        }
    }
    if let Some((overlay, steps)) = chosen {
        lay_over(&mut base, overlay, &steps, reader);
    }
    base
}

/// Place of each step of the base by its name; of two with one name, the first.
fn step_names(base: &Mapping) -> IndexMap<String, usize> {
    let steps = base.get(STEPS).and_then(|entry| entry.node.as_sequence()).unwrap_or_default();
    let mut names = IndexMap::new();
    for (index, step) in steps.iter().enumerate() {
        if let Some((name, _)) = step.as_mapping().and_then(written_name) {
            names.entry(name.to_owned()).or_insert(index);
        }
    }
    names
}

fn written_name<'n, 't>(step: &'n Mapping<'t>) -> Option<(&'n str, &'n Entry<'t>)> {
    let entry = step.get("name")?;
    let scalar = entry.node.as_scalar()?;
    (scalar.resolve() == Resolved::Text).then_some((&*scalar.text, entry))
}

/// The overlay's steps with the places of those of the base that they belong to.
fn overlay_steps<'n, 't>(
    overlay: &'n Mapping<'t>,
    names: &IndexMap<String, usize>,
    reader: &mut Reader<'_>,
) -> Vec<(usize, &'n Mapping<'t>)> {
    let Some((_, steps)) = reader.list(overlay, STEPS) else { return Vec::new() };
    let mut matched = Vec::new();
    let mut suggestions_left = MOST_SUGGESTIONS;
    for node in steps {
        let Some(step) = reader.mapping_of("an overlay step", node) else { continue };
        let Some((name, entry)) = written_name(step) else {
            let problem = Problem::error("an overlay step needs the `name` of the step that it changes")
                .at(node.span.clone(), "in this overlay step");
            reader.report(problem);
            continue;
        };
        match names.get(name) {
            Some(index) => matched.push((*index, step)),
            None => {
                let mut problem =
                    Problem::warning(format!("the overlay step {} changes no step of the template", quoted(name)))
                        .at(entry.node.span.clone(), "no step of this name");
                let candidates =
                    names.keys().map(String::as_str).take(if suggestions_left > 0 { usize::MAX } else { 0 });
                suggestions_left = suggestions_left.saturating_sub(1);
                let near: Vec<String> = nearest(name, candidates).into_iter().map(quoted).collect();
                if !near.is_empty() {
                    problem = problem.help(format!("did you mean {}?", or_list(&near)));
                }
                reader.report(problem);
            }
        }
    }
    matched
}

fn lay_over<'t>(
    base: &mut Mapping<'t>,
    overlay: &Mapping<'t>,
    steps: &[(usize, &Mapping<'t>)],
    reader: &mut Reader<'_>,
) {
    for entry in overlay {
        match &*entry.key {
            STEPS => {}
            "environments" => reader.report(
                Problem::warning("an overlay has no environments of its own; they are ignored")
                    .at(entry.key_span.clone(), "ignored"),
            ),
            _ => put(base, entry),
        }
    }
    let Some(entry) = base.get(STEPS) else { return };
    let Some(mut merged) = entry.node.as_sequence().map(<[Node<'t>]>::to_vec) else { return };
    for (index, step) in steps {
        let step_base = &merged[*index];
        let Some(mut content) = step_base.as_mapping().cloned() else { continue };
        for value in *step {
            put(&mut content, value);
        }
        merged[*index] = Node { span: step_base.span.clone(), value: Value::Mapping(Rc::new(content)) };
    }
    let span = entry.node.span.clone();
    base.set_value(STEPS, Node { span, value: Value::Sequence(Rc::new(merged)) });
}

/// Puts a key's value into a mapping, merged with what stands there if both are mappings.
fn put<'t>(base: &mut Mapping<'t>, over: &Entry<'t>) {
    let both = base.get(&over.key).and_then(|existing| existing.node.as_mapping()).zip(over.node.as_mapping());
    let Some((below, above)) = both else {
        base.put(over.clone());
        return;
    };
    let mut merged = below.clone();
    for inner in above {
        put(&mut merged, inner);
    }
    base.set_value(&over.key, Node { span: over.node.span.clone(), value: Value::Mapping(Rc::new(merged)) });
}
