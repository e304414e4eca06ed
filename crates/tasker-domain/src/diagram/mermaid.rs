//! Mermaid's flowcharts.
//!
//! Labels stand in quotes, and every character with a meaning in Mermaid, Markdown or HTML is written as its code, so
//! that a name stays a name. Steps are called `s0`, `s1` …, because names may be anything, `end` included.

use std::fmt::Write as _;

use super::Diagram;
use super::mark::Mark;
use super::text::{clean, fit};

/// Longer labels are shortened: Mermaid refuses charts of more than 50,000 characters.
const WIDEST_LABEL: f64 = 400.0;

pub(super) fn write(diagram: &Diagram) -> String {
    let mut chart = String::from("flowchart TD\n");
    // Titles run to the end of the line and know no escapes.
    let _ = writeln!(chart, "    accTitle: {}", bare(&diagram.title));
    let _ = writeln!(chart, "    accDescr: {}", bare(&diagram.summary()));
    for (index, step) in diagram.steps.iter().enumerate() {
        let mut label = escaped(&fit(&step.name, 13.0, WIDEST_LABEL));
        if let Some(mark) = step.mark {
            label = format!("{} {label}", mark.sign());
        }
        if let Some(note) = step.note() {
            let _ = write!(label, "<br/>{}", escaped(&fit(&note, 13.0, WIDEST_LABEL)));
        }
        let class = step.mark.map_or_else(String::new, |mark| format!(":::{}", mark.class()));
        let _ = writeln!(chart, "    s{index}[\"{label}\"]{class}");
    }
    for (parent, child) in diagram.edges() {
        let _ = writeln!(chart, "    s{parent} --> s{child}");
    }
    for mark in Mark::ALL {
        if diagram.steps.iter().any(|step| step.mark == Some(mark)) {
            let (class, shades) = (mark.class(), mark.light());
            let (strong, tint) = (shades.strong, shades.tint);
            let _ = writeln!(chart, "    classDef {class} fill:{tint},stroke:{strong},color:#1f2328");
        }
    }
    chart
}

/// A cleaned text within quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_alphanumeric() || matches!(character, ' ' | '_' | '-' | '.' | ',' | '/' | '…' | '·') {
            escaped.push(character);
        } else if character.is_ascii() {
            let _ = write!(escaped, "#{};", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// A text without anything that means something.
fn bare(text: &str) -> String {
    clean(&fit(text, 13.0, WIDEST_LABEL))
        .chars()
        .map(|character| {
            let is_plain = character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ',' | '/' | '…');
            if is_plain { character } else { ' ' }
        })
        .collect()
}
