//! Declared events: their names must have a namespace that is not the engine's own.

use crate::problem::{Problem, quoted};
use crate::yaml::{Mapping, Node};

use super::keys::{self, Place};
use super::model::CustomEvent;
use super::reader::{Placed, Reader};

/// Namespaces of the engine's own events, whatever the case.
const RESERVED: &[&str] = &["task", "step", "workflow", "observability", "test"];

/// The events under the key `custom_events`; those with a wrong name are left out.
pub(super) fn read(mapping: &Mapping, namespace: &str, reader: &mut Reader<'_>) -> Vec<CustomEvent> {
    let Some((_, elements)) = reader.list(mapping, "custom_events") else { return Vec::new() };
    elements.iter().filter_map(|node| event(node, namespace, reader)).collect()
}

fn event(node: &Node, namespace: &str, reader: &mut Reader<'_>) -> Option<CustomEvent> {
    let content = reader.mapping_of("an event", node)?;
    keys::warn_of_unknown(content, Place::Event, reader.problems);
    let description = content.get("description").and_then(|entry| reader.any_text_of("`description`", &entry.node));
    if !content.contains_key("name") {
        reader.missing("name", &node.span, "an event");
        return None;
    }
    let name = full_name(reader.text(content, "name", usize::MAX)?, namespace, reader)?;
    Some(CustomEvent { name, description: description.map(|text| text.value) })
}

fn full_name(written: Placed<String>, namespace: &str, reader: &mut Reader<'_>) -> Option<String> {
    let name = match written.value.split_once('.') {
        None => {
            let full = format!("{namespace}.{}", written.value);
            reader.report(
                Problem::warning(format!(
                    "the event {} has no namespace; it becomes {}",
                    quoted(&written.value),
                    quoted(&full)
                ))
                .at(written.span.clone(), "no dot in this name"),
            );
            full
        }
        Some(("", _) | (_, "")) => {
            reader.report(
                Problem::error(format!("{} is not an event name", quoted(&written.value)))
                    .at(written.span, "a namespace, a dot and a name, such as `order.fulfilled`"),
            );
            return None;
        }
        Some(_) => written.value,
    };
    let first = name.split('.').next().unwrap_or_default();
    if RESERVED.iter().any(|reserved| first.eq_ignore_ascii_case(reserved)) {
        reader.report(
            Problem::error(format!("the event namespace {} is reserved for the engine's own events", quoted(first)))
                .at(written.span, "reserved namespace")
                .help("put the name of what the event is about in front of the dot, such as `order.fulfilled`"),
        );
        return None;
    }
    Some(name)
}
