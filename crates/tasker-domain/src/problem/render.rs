//! Problems with excerpts of the text, drawn by `annotate-snippets`.

use std::ops::Range;

use annotate_snippets::{
    AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str as without_controls,
};

use super::lines::LineStarts;
use super::{Label, Problem, Severity};

/// Most problems that are drawn.
const MOST_SHOWN: usize = 50;
/// Most places of one problem that are drawn.
const MOST_LABELS: usize = 8;
/// Places further apart than this many bytes get excerpts of their own: drawing costs the length of the excerpt.
const FARTHEST: usize = 4_000;

/// How problems are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Characters only.
    Plain,
    /// With colours for a terminal.
    Colour,
}

pub(super) fn render(name: &str, text: &str, list: &[Problem], style: Style, width: usize) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Colour => Renderer::styled(),
    }
    .term_width(width.max(20));
    let errors = list.iter().filter(|problem| problem.severity == Severity::Error);
    let warnings = list.iter().filter(|problem| problem.severity == Severity::Warning);
    let lines = LineStarts::of(text);
    let mut drawn: Vec<String> =
        errors.chain(warnings).take(MOST_SHOWN).map(|problem| draw(&renderer, name, text, &lines, problem)).collect();
    if list.len() > MOST_SHOWN {
        drawn.push(format!("… and {} more problems", list.len() - MOST_SHOWN));
    }
    drawn.join("\n\n")
}

fn draw(renderer: &Renderer, name: &str, text: &str, lines: &LineStarts, problem: &Problem) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(without_controls(&problem.message)));
    if problem.labels.is_empty() {
        group = group.element(Origin::path(without_controls(name)));
    }
    let shown: Vec<(bool, Label)> = problem
        .labels
        .iter()
        .take(MOST_LABELS)
        .enumerate()
        .map(|(index, label)| (index == 0, Label { span: first_line(text, &label.span), text: label.text.clone() }))
        .collect();
    for cluster in clusters(shown) {
        group = group.element(excerpt(name, text, lines, &cluster));
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(without_controls(help)));
    }
    harmless(renderer.render(&[group]).trim_end())
}

/// Without what the renderer lets through: control characters beyond ASCII, which terminals take for orders, and marks that
/// turn the direction of writing. Colours are made of ASCII.
fn harmless(drawn: &str) -> String {
    drawn.chars().map(|letter| if is_order(letter) { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}

fn is_order(letter: char) -> bool {
    matches!(
        letter,
        '\u{80}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// A place that runs over several lines is shown by its first.
fn first_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    let content = &text[start..end];
    let first = content.lines().next().unwrap_or(content).trim_end();
    start..start + first.len()
}

/// Puts places that are near each other together; the cluster with the problem's own place comes first.
fn clusters(mut labels: Vec<(bool, Label)>) -> Vec<Vec<(bool, Label)>> {
    labels.sort_by_key(|(_, label)| label.span.start);
    let mut found: Vec<Vec<(bool, Label)>> = Vec::new();
    for (is_own, label) in labels {
        match found.last_mut() {
            Some(cluster) if cluster.last().is_some_and(|(_, last)| label.span.start - last.span.start <= FARTHEST) => {
                cluster.push((is_own, label));
            }
            _ => found.push(vec![(is_own, label)]),
        }
    }
    found.sort_by_key(|cluster| !cluster.iter().any(|(is_own, _)| *is_own));
    found
}

fn excerpt<'a>(
    name: &str,
    text: &'a str,
    lines: &LineStarts,
    cluster: &[(bool, Label)],
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let first = cluster.iter().map(|(_, label)| label.span.start).min().unwrap_or(0);
    let last = cluster.iter().map(|(_, label)| label.span.end).max().unwrap_or(first);
    let line = lines.line_of(first);
    let start = lines.start_of(line);
    let end = text[last..].find('\n').map_or(text.len(), |newline| last + newline);
    let annotations = cluster.iter().map(|(is_own, label)| {
        let kind = if *is_own { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(label.span.start - start..label.span.end - start);
        if label.text.is_empty() { annotation } else { annotation.label(without_controls(&label.text)) }
    });
    Snippet::source(&text[start..end])
        .line_start(line + 1)
        .path(without_controls(name))
        .fold(true)
        .annotations(annotations)
}
