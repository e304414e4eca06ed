//! Graphs that workflows have: those of the original's suite, and graphs of any size from a seed.

mod generated;
mod mixture;
mod named;

use tasker_domain::graph::Graph;
use tasker_domain::template::{Source, Style, Template, parse};

pub use mixture::{Mixture, MixtureError, Pattern};

/// The graph of a workflow with the names of its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowShape {
    /// Name of the workflow.
    pub name: String,
    /// The steps in the order of the definition.
    pub steps: Vec<ShapeStep>,
    /// Places of steps, from the one that provides to the one that waits, in the order of the definition.
    pub edges: Vec<(usize, usize)>,
}

/// A step of a [`WorkflowShape`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeStep {
    /// Name, unique in the shape.
    pub name: String,
    /// How often it fails before it succeeds, where nothing else is asked for.
    pub fails_first: u32,
}

impl WorkflowShape {
    /// A shape of steps that succeed at once.
    ///
    /// # Panics
    /// When the edges do not form a graph without cycles over the steps.
    pub fn new<N: Into<String>>(
        name: impl Into<String>,
        steps: impl IntoIterator<Item = N>,
        edges: impl Into<Vec<(usize, usize)>>,
    ) -> Self {
        let steps = steps.into_iter().map(|name| ShapeStep { name: name.into(), fails_first: 0 }).collect();
        let shape = Self { name: name.into(), steps, edges: edges.into() };
        shape.graph();
        shape
    }

    /// The same shape with a step that fails this often before it succeeds.
    ///
    /// # Panics
    /// When there is no step of this name.
    #[must_use]
    pub fn failing(mut self, step: &str, times: u32) -> Self {
        let place = self.place(step);
        self.steps[place].fails_first = times;
        self
    }

    /// Place of a step.
    ///
    /// # Panics
    /// When there is no step of this name.
    pub fn place(&self, step: &str) -> usize {
        self.steps
            .iter()
            .position(|known| known.name == step)
            .unwrap_or_else(|| panic!("shape {} has no step {step}", self.name))
    }

    /// The graph: order, levels, roots, leaves, neighbours.
    ///
    /// # Panics
    /// When the edges were changed so that they form no graph without cycles.
    pub fn graph(&self) -> Graph {
        Graph::new(self.steps.len(), &self.edges)
            .unwrap_or_else(|error| panic!("shape {} is no acyclic graph: {error}", self.name))
    }

    /// The definition of a workflow of this shape, as a file would have it; every step is carried out by `handler`.
    /// YAML takes JSON as it is.
    pub fn definition(&self, handler: &str) -> String {
        let graph = self.graph();
        let steps = self.steps.iter().enumerate().map(|(place, step)| {
            let parents: Vec<&str> =
                graph.parents(place).iter().map(|&parent| self.steps[parent].name.as_str()).collect();
            serde_json::json!({
                "name": step.name, "depends_on_steps": parents, "handler_class": handler,
                "default_retryable": true, "default_retry_limit": (step.fails_first + 1).max(3),
            })
        });
        serde_json::json!({
            "name": self.name, "task_handler_class": "Shape", "step_templates": steps.collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// The checked template of a workflow of this shape; every step is carried out by `handler`.
    ///
    /// # Panics
    /// When a name is not one that a template may have.
    pub fn template(&self, handler: &str) -> Template {
        let source = Source::new(format!("{}.yaml", self.name), self.definition(handler));
        match parse(&source, None) {
            Ok(checked) => checked.template,
            Err(problems) => panic!("{}", problems.render(Style::Plain, 120)),
        }
    }

    /// A script of outcomes in which each step fails as often as the shape has it and then succeeds, as JSON
    /// ([`tasker_domain::script`]).
    pub fn outcomes(&self) -> String {
        let failing = self.steps.iter().filter(|step| step.fails_first > 0).map(|step| {
            let attempts = (0..step.fails_first).map(|_| "fail").chain(["ok"]);
            (step.name.clone(), attempts.collect::<serde_json::Value>())
        });
        serde_json::Value::Object(failing.collect()).to_string()
    }
}
