//! The graphs whose tasks are run.

use clap::ValueEnum;
use tasker_domain::code::Coded;
use tasker_domain::template::{Source, Template, parse};

use crate::failure::Failure;

/// The handler of every step.
pub(super) const HANDLER: &str = "Bench";

/// Form of a task's graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphShape {
    /// One step, two beside each other, one again.
    Diamond,
    /// One step after the other.
    Linear,
    /// One step, many beside each other, one again.
    Fanout,
    /// Each step has two children.
    Tree,
    /// Each of the others in turn.
    Mixed,
}

impl GraphShape {
    /// What it is called on the command line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Diamond => "diamond",
            Self::Linear => "linear",
            Self::Fanout => "fanout",
            Self::Tree => "tree",
            Self::Mixed => "mixed",
        }
    }

    /// The graphs of this shape and size.
    pub(super) fn graphs(self, size: Option<u32>) -> Result<Vec<Graph>, Failure> {
        let each = |shapes: &[Self]| shapes.iter().map(|shape| shape.graph(size)).collect();
        match self {
            Self::Mixed => each(&[Self::Diamond, Self::Linear, Self::Fanout, Self::Tree]),
            one => each(&[one]),
        }
    }

    fn graph(self, size: Option<u32>) -> Result<Graph, Failure> {
        let parents: Vec<Vec<usize>> = match self {
            Self::Diamond => diamonds(size.unwrap_or(1) as usize),
            Self::Linear => {
                (0..size.unwrap_or(10) as usize).map(|place| place.checked_sub(1).into_iter().collect()).collect()
            }
            Self::Fanout => {
                let middle = size.unwrap_or(100) as usize;
                let children = std::iter::repeat_n(vec![0], middle);
                std::iter::once(Vec::new()).chain(children).chain([(1..=middle).collect()]).collect()
            }
            Self::Tree => (0..size.unwrap_or(31) as usize)
                .map(|place| place.checked_sub(1).map(|above| above / 2).into_iter().collect())
                .collect(),
            Self::Mixed => unreachable!("a mixture is made of the others"),
        };
        Graph::new(self.word(), parents)
    }
}

/// Diamonds in a row: the last step of one is the first of the next.
fn diamonds(count: usize) -> Vec<Vec<usize>> {
    let diamond = |number: usize| {
        let first = number * 3;
        [vec![first], vec![first], vec![first + 1, first + 2]]
    };
    std::iter::once(Vec::new()).chain((0..count).flat_map(diamond)).collect()
}

/// The graph of a task, as a template of ours and as places and edges.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) template: Template,
    /// The parents of each step, by place.
    pub(super) parents: Vec<Vec<usize>>,
}

impl Graph {
    fn new(name: &str, parents: Vec<Vec<usize>>) -> Result<Self, Failure> {
        let version = parents.len();
        let mut text = format!(
            "name: {name}\nnamespace_name: bench\nversion: 1.0.{version}\ntask_handler_class: Bench\nstep_templates:\n"
        );
        for (place, above) in parents.iter().enumerate() {
            let names: Vec<String> = above.iter().map(|parent| format!("s{parent}")).collect();
            let names = names.join(", ");
            text.push_str(&format!(
                "  - {{ name: s{place}, handler_class: {HANDLER}, depends_on_steps: [{names}] }}\n"
            ));
        }
        let checked = parse(&Source::new("bench.yaml", text), None).map_err(|problems| {
            Failure::bad(problems.code(), format!("a task of this size is too large: {problems}"))
                .advise("name a smaller --size")
        })?;
        Ok(Self { template: checked.template, parents })
    }

    pub(super) fn steps(&self) -> usize {
        self.parents.len()
    }

    /// From parent to child, by place.
    pub(super) fn edges(&self) -> impl Iterator<Item = (usize, usize)> {
        self.parents.iter().enumerate().flat_map(|(child, above)| above.iter().map(move |&parent| (parent, child)))
    }
}
