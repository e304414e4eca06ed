//! Lines of text: the levels, their steps, and what each waits for.

use std::fmt::Write as _;

use super::Diagram;
use super::text::clean;

/// Most characters of a name that are shown.
const LONGEST_NAME: usize = 100;
/// Most parents that are named.
const MOST_PARENTS: usize = 8;

pub(super) fn write(diagram: &Diagram) -> String {
    let mut lines = format!("{}: {}\n", shown(&diagram.title), diagram.summary());
    let deepest = diagram.graph.levels().iter().max().copied();
    let mut at_level = vec![Vec::new(); deepest.map_or(0, |deepest| deepest + 1)];
    for (index, &level) in diagram.graph.levels().iter().enumerate() {
        at_level[level].push(index);
    }
    for (level, steps) in at_level.iter().enumerate() {
        let _ = writeln!(lines, "\nlevel {level}");
        for &index in steps {
            let step = &diagram.steps[index];
            let mark = step.mark.map_or_else(String::new, |mark| format!("{} ", mark.sign()));
            let note = match (step.mark, step.note()) {
                (Some(mark), Some(note)) => format!(" ({}, {})", mark.word(), shown(&note)),
                (Some(mark), None) => format!(" ({})", mark.word()),
                (None, Some(note)) => format!(" ({})", shown(&note)),
                (None, None) => String::new(),
            };
            let after = after(diagram, index);
            let _ = writeln!(lines, "  {mark}{}{note}{after}", shown(&step.name));
        }
    }
    lines
}

fn after(diagram: &Diagram, index: usize) -> String {
    let parents = diagram.graph.parents(index);
    if parents.is_empty() {
        return String::new();
    }
    let named: Vec<String> =
        parents.iter().take(MOST_PARENTS).map(|parent| shown(&diagram.steps[*parent].name)).collect();
    let more = match parents.len().saturating_sub(MOST_PARENTS) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    format!(" after {}{more}", named.join(", "))
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => clean(&text[..end]) + "…",
        None => clean(text),
    }
}
