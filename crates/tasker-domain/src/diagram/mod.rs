//! Pictures of graphs and of runs.
//!
//! Every picture is a text made from data alone, the same for the same data. Names may hold anything: each format
//! escapes them in its own way, and what would hide or turn the text around is spelled out.
//!
//! ```
//! use tasker_domain::diagram::{Diagram, Step};
//!
//! let diagram = Diagram::new("shop/order", vec![Step::new("check", vec![]), Step::new("pay", vec![0])])?;
//! assert!(diagram.mermaid().contains("s0 --> s1"));
//! assert!(diagram.svg().starts_with("<svg"));
//! # Ok::<(), tasker_domain::graph::GraphError>(())
//! ```

mod dot;
pub mod gantt;
mod layout;
mod mark;
mod mermaid;
mod plain;
pub(crate) mod span;
mod svg;
mod text;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use gantt::Timeline;
pub use mark::Mark;

use crate::graph::{Graph, GraphError};
use crate::template::{StepTemplate, Template};

/// A graph of steps to be drawn: of a template, or of a task that runs.
#[derive(Debug, Clone)]
pub struct Diagram {
    title: String,
    steps: Vec<Step>,
    graph: Graph,
}

/// A step to be drawn. What is not known is left out of the picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Places in the list of steps of those that it waits for.
    pub parents: Vec<usize>,
    /// Name of its handler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// How it stands with it; none in a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// How many attempts were made; none in a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// How many attempts it gets in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_allowed: Option<u32>,
    /// How long it took, in seconds.
    #[serde(default, with = "span::seconds::optional", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
}

impl Step {
    /// A step of which no more is known than its name and what it waits for.
    pub fn new(name: impl Into<String>, parents: Vec<usize>) -> Self {
        Step {
            name: name.into(),
            parents,
            handler: None,
            mark: None,
            attempts: None,
            attempts_allowed: None,
            duration: None,
        }
    }

    /// What stands under the name: how it went, else who does it.
    fn note(&self) -> Option<String> {
        let attempts = match (self.attempts, self.attempts_allowed) {
            (Some(made), Some(allowed)) if made > 0 => Some(format!("attempt {made} of {allowed}")),
            (Some(made), None) if made > 0 => Some(format!("attempt {made}")),
            _ => None,
        };
        let parts: Vec<String> = attempts.into_iter().chain(self.duration.map(span::words)).collect();
        if parts.is_empty() { self.handler.clone() } else { Some(parts.join(" · ")) }
    }

    /// Everything known about it, in one line.
    fn sentence(&self) -> String {
        let mut sentence = self.name.clone();
        if let Some(mark) = self.mark {
            sentence.push_str(&format!(": {}", mark.word()));
        }
        if let Some(handler) = &self.handler {
            sentence.push_str(&format!(", handler {handler}"));
        }
        match (self.attempts, self.attempts_allowed) {
            (Some(made), Some(allowed)) => sentence.push_str(&format!(", {made} of {allowed} attempts")),
            (Some(made), None) => sentence.push_str(&format!(", {made} attempts")),
            (None, Some(1)) => sentence.push_str(", a single attempt"),
            (None, Some(allowed)) => sentence.push_str(&format!(", up to {allowed} attempts")),
            (None, None) => {}
        }
        if let Some(duration) = self.duration {
            sentence.push_str(&format!(", {}", span::words(duration)));
        }
        sentence
    }
}

impl From<&StepTemplate> for Step {
    fn from(step: &StepTemplate) -> Self {
        Step {
            handler: Some(step.handler_class.clone()),
            attempts_allowed: Some(step.attempts_allowed()),
            ..Step::new(step.name.clone(), step.parents.clone())
        }
    }
}

impl Diagram {
    /// A diagram of steps.
    ///
    /// # Errors
    /// When a parent is no step of the list, or steps wait for each other.
    pub fn new(title: impl Into<String>, steps: Vec<Step>) -> Result<Self, GraphError> {
        let edges: Vec<(usize, usize)> = steps
            .iter()
            .enumerate()
            .flat_map(|(child, step)| step.parents.iter().map(move |parent| (*parent, child)))
            .collect();
        let graph = Graph::new(steps.len(), &edges)?;
        Ok(Diagram { title: title.into(), steps, graph })
    }

    /// The diagram of a template, called by its full name.
    ///
    /// # Errors
    /// When its steps are no graph; those of a checked template are one.
    pub fn of_template(template: &Template) -> Result<Self, GraphError> {
        let title = format!("{}/{} {}", template.namespace, template.name, template.version);
        Diagram::new(title, template.steps.iter().map(Step::from).collect())
    }

    /// As Mermaid's flowchart, which many readers of Markdown draw.
    pub fn mermaid(&self) -> String {
        mermaid::write(self)
    }

    /// In the language of Graphviz.
    pub fn dot(&self) -> String {
        dot::write(self)
    }

    /// As lines of text, level by level.
    pub fn text(&self) -> String {
        plain::write(self)
    }

    /// As a picture that stands alone, for light and dark backgrounds.
    pub fn svg(&self) -> String {
        svg::graph::write(self)
    }

    /// Edges as pairs of parent and child, ordered by child.
    fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.graph.len()).flat_map(|child| self.graph.parents(child).iter().map(move |parent| (*parent, child)))
    }

    /// Size of the graph in words: steps, levels, and how many can run at the same time.
    fn summary(&self) -> String {
        let mut at_level = Vec::new();
        for &level in self.graph.levels() {
            if at_level.len() <= level {
                at_level.resize(level + 1, 0_usize);
            }
            at_level[level] += 1;
        }
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let widest = at_level.iter().copied().max().unwrap_or(0);
        let mut summary = format!("{}, {}", count(self.steps.len(), "step"), count(at_level.len(), "level"));
        if widest > 1 {
            summary.push_str(&format!(", up to {widest} at a time"));
        }
        summary
    }
}
