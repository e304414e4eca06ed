//! The language of Graphviz.
//!
//! Labels stand in quotes. A backslash is doubled, so that neither a quote nor one of Graphviz' own escapes (`\N`) comes
//! out of a name; `&` is written as an entity, because Graphviz reads entities in labels.

use std::fmt::Write as _;

use super::Diagram;
use super::text::clean;

/// Longer labels are shortened in characters; the tooltip has the whole name.
const LONGEST_LABEL: usize = 60;

pub(super) fn write(diagram: &Diagram) -> String {
    let mut graph = String::from("digraph tasker {\n");
    let _ = writeln!(graph, "    label=\"{}\";", escaped(&clean(&diagram.title)));
    graph.push_str(
        "    labelloc=t;\n    fontname=\"Helvetica,Arial,sans-serif\";\n    \
node [shape=box, style=\"rounded,filled\", fillcolor=\"#f6f8fa\", color=\"#8c959f\", \
fontname=\"Helvetica,Arial,sans-serif\", fontsize=12];\n    edge [color=\"#8c959f\", arrowsize=0.7];\n",
    );
    for (index, step) in diagram.steps.iter().enumerate() {
        let mut label = escaped(&shortened(&step.name));
        if let Some(mark) = step.mark {
            label = format!("{} {label}", mark.sign());
        }
        if let Some(note) = step.note() {
            let _ = write!(label, "\\n{}", escaped(&shortened(&note)));
        }
        let tooltip = escaped(&clean(&step.sentence()));
        let colours = step.mark.map_or_else(String::new, |mark| {
            let shades = mark.light();
            format!(", color=\"{}\", fillcolor=\"{}\"", shades.strong, shades.tint)
        });
        let _ = writeln!(graph, "    s{index} [label=\"{label}\", tooltip=\"{tooltip}\"{colours}];");
    }
    for (parent, child) in diagram.edges() {
        let _ = writeln!(graph, "    s{parent} -> s{child};");
    }
    graph.push_str("}\n");
    graph
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_LABEL) {
        Some((end, _)) => clean(&text[..end]) + "…",
        None => clean(text),
    }
}

fn escaped(cleaned: &str) -> String {
    let mut escaped = String::with_capacity(cleaned.len());
    for character in cleaned.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '&' => escaped.push_str("&amp;"),
            other => escaped.push(other),
        }
    }
    escaped
}
