//! How long the attempts of each step take, as a file says it.
//!
//! YAML or JSON: step → a span, or a list with a span for each attempt. A span is a number of seconds or words such as
//! `2m` and `1h30m`. Past the end of a list its last entry counts; steps that are not named take no time.

use std::time::Duration;

use crate::problem::{Problem, Problems, Source, nearest, or_list, quoted};
use crate::span::{self, SpanProblem};
use crate::template::Template;
use crate::yaml::{self, Mapping, Node, Resolved};

/// Longest that an attempt may take: ten years, as in scripts of outcomes.
const LONGEST: Duration = Duration::from_secs(315_360_000);

/// Durations that fit their template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Durations {
    /// By place in the template; shorter than that where nothing is said of the last steps.
    by_place: Vec<Vec<Duration>>,
}

impl Durations {
    /// Reads durations for a template. An empty text says nothing of any step.
    ///
    /// # Errors
    /// Every problem with its place: a step that the template does not have, a span that is none.
    pub fn parse(source: &Source, template: &Template) -> Result<Self, Problems> {
        let (text, mut problems) = yaml::decode(&source.bytes);
        let mut durations = Durations::default();
        if problems.is_empty() {
            let (root, found) = yaml::parse(&text);
            problems = found;
            if let Some(root) = root.filter(|root| !root.is_null()) {
                match root.as_mapping() {
                    Some(mapping) => durations = read(mapping, template, &mut problems),
                    None => problems.push(
                        Problem::error(format!("durations are a mapping of steps, found {}", root.describe()))
                            .at(root.span.clone(), "expected `step: 30s`"),
                    ),
                }
            }
        }
        let problems = Problems::new(source.name.as_str(), text, problems);
        if problems.has_errors() { Err(problems) } else { Ok(durations) }
    }

    /// How long an attempt (from 1) of the step at this place of the template takes; nothing where the file does not
    /// name the step.
    pub fn of(&self, place: usize, attempt: u32) -> Option<Duration> {
        let spans = self.by_place.get(place)?;
        let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        spans.get(index).or(spans.last()).copied()
    }
}

fn read(mapping: &Mapping, template: &Template, problems: &mut Vec<Problem>) -> Durations {
    let places: std::collections::HashMap<&str, usize> =
        template.steps.iter().enumerate().map(|(place, step)| (step.name.as_str(), place)).collect();
    let mut by_place = vec![Vec::new(); template.steps.len()];
    for (name, entry) in mapping {
        let spans = spans(&entry.node, problems);
        match places.get(name.as_str()) {
            Some(&place) => by_place[place] = spans,
            None => problems.push(unknown_step(name, template).at(entry.key_span.clone(), "no step of this name")),
        }
    }
    Durations { by_place }
}

fn unknown_step(name: &str, template: &Template) -> Problem {
    let problem = Problem::error(format!("{} has no step {}", quoted(&template.name), quoted(name)));
    let near: Vec<String> =
        nearest(name, template.steps.iter().map(|step| step.name.as_str())).into_iter().map(quoted).collect();
    if near.is_empty() { problem } else { problem.help(format!("did you mean {}?", or_list(&near))) }
}

fn spans(node: &Node, problems: &mut Vec<Problem>) -> Vec<Duration> {
    match node.as_sequence() {
        Some([]) => {
            problems.push(
                Problem::error("a list of durations needs an entry for the first attempt")
                    .at(node.span.clone(), "nothing stands here"),
            );
            Vec::new()
        }
        Some(elements) => elements.iter().filter_map(|element| one(element, problems)).collect(),
        None => one(node, problems).into_iter().collect(),
    }
}

fn short_enough(read: Result<Duration, SpanProblem>) -> Result<Duration, String> {
    let span = read.map_err(|problem| problem.to_string())?;
    if span > LONGEST { Err("the span is longer than ten years".to_owned()) } else { Ok(span) }
}

fn one(node: &Node, problems: &mut Vec<Problem>) -> Option<Duration> {
    let read = node.as_scalar().and_then(|scalar| match scalar.resolve() {
        Resolved::Int(number) | Resolved::Float(number) => {
            let seconds: Result<f64, _> = number.parse().map_err(|_| "this number cannot be read".to_owned());
            Some(seconds.and_then(|seconds| short_enough(span::of_seconds(seconds))))
        }
        Resolved::Text => Some(short_enough(span::parse(&scalar.text))),
        Resolved::Null | Resolved::Bool(_) | Resolved::NotFinite => None,
    });
    match read {
        Some(Ok(span)) => Some(span),
        Some(Err(wrong)) => {
            problems.push(
                Problem::error(format!("{} is not a duration", quoted(&node.as_scalar()?.text)))
                    .at(node.span.clone(), wrong),
            );
            None
        }
        None => {
            problems.push(
                Problem::error(format!("a duration is a number of seconds or a span, found {}", node.describe()))
                    .at(node.span.clone(), "write seconds such as 2.5, or a span such as 5m"),
            );
            None
        }
    }
}
