//! Graphs of nodes that call each other by name.

use std::collections::HashMap;

use super::{Graph, GraphError};
use crate::problem::{nearest, or_list, quoted};
use crate::template::Template;

/// For how many misspelt names nearest ones are looked for: each search looks at all names, which would not be linear.
const MOST_SUGGESTIONS: usize = 50;

/// A graph and the names of its nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedGraph {
    /// The graph; a node's number is its place in the list that was given.
    pub graph: Graph,
    /// Name of each node.
    pub names: Vec<String>,
    /// What is odd but harmless: a parent that a node names again, which counts once.
    pub repeated: Vec<RepeatedParent>,
}

/// A parent that a node names more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedParent {
    /// The node.
    pub node: String,
    /// Whom it names again.
    pub parent: String,
}

/// Why names do not make a graph. The text says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WiringProblem {
    /// Two nodes have one name.
    #[error("two nodes are called {}, the {first}. and the {again}.: give one of them another name", quoted(.name))]
    DuplicateName {
        /// The name.
        name: String,
        /// Number of the first of them, counted from 1.
        first: usize,
        /// Number of the other one, counted from 1.
        again: usize,
    },
    /// A node names a parent that is not there.
    #[error("{} waits for {}, which is not there{}", quoted(.node), quoted(.parent), suggestion(.nearest))]
    UnknownParent {
        /// The node.
        node: String,
        /// Whom it names.
        parent: String,
        /// Names that are there and look much like it, nearest first; looked for in the first 50 problems only.
        nearest: Vec<String>,
    },
    /// A node is its own parent.
    #[error("{} waits for itself: take that away", quoted(.node))]
    OwnParent {
        /// The node.
        node: String,
    },
    /// Nodes wait for each other.
    #[error("nodes wait for each other in a circle: {}; take one of these edges away", circle(.path))]
    Cycle {
        /// The nodes, each a parent of the next, the last one a parent of the first.
        path: Vec<String>,
    },
}

/// Everything that is wrong with names that should make a graph: names first, then cycles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} problem(s); the first: {}", .problems.len(), .problems.first().map_or_else(String::new, ToString::to_string))]
pub struct WiringProblems {
    /// The problems; at least one.
    pub problems: Vec<WiringProblem>,
}

impl NamedGraph {
    /// The graph of nodes that are given by name, each with the names of its parents.
    ///
    /// # Errors
    /// Every problem at once: duplicate names, unknown parents with the nearest names, nodes that are their own parents,
    /// and one shortest cycle for each set of nodes that wait for each other.
    pub fn new<'n, P>(nodes: impl IntoIterator<Item = (&'n str, P)>) -> Result<Self, WiringProblems>
    where
        P: IntoIterator<Item = &'n str>,
    {
        let nodes: Vec<(&str, P)> = nodes.into_iter().collect();
        let names: Vec<&str> = nodes.iter().map(|(name, _)| *name).collect();
        let mut problems = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::with_capacity(names.len());
        for (place, &name) in names.iter().enumerate() {
            if let Some(first) = places.get(name) {
                let (first, again) = (first + 1, place + 1);
                problems.push(WiringProblem::DuplicateName { name: name.to_owned(), first, again });
            } else {
                places.insert(name, place);
            }
        }
        let mut edges = Vec::new();
        let mut repeated = Vec::new();
        let mut suggestions_left = MOST_SUGGESTIONS;
        // by whom a node was last named as a parent
        let mut last_named_by = vec![usize::MAX; names.len()];
        for (child, (name, parents)) in nodes.into_iter().enumerate() {
            for parent_name in parents {
                if parent_name == name {
                    problems.push(WiringProblem::OwnParent { node: name.to_owned() });
                    continue;
                }
                let Some(&parent) = places.get(parent_name) else {
                    let mut near = Vec::new();
                    if suggestions_left > 0 {
                        suggestions_left -= 1;
                        near = nearest(parent_name, names.iter().copied()).into_iter().map(str::to_owned).collect();
                    }
                    let (node, parent) = (name.to_owned(), parent_name.to_owned());
                    problems.push(WiringProblem::UnknownParent { node, parent, nearest: near });
                    continue;
                };
                if last_named_by[parent] == child {
                    repeated.push(RepeatedParent { node: name.to_owned(), parent: parent_name.to_owned() });
                    continue;
                }
                last_named_by[parent] = child;
                edges.push((parent, child));
            }
        }
        match Graph::new(names.len(), &edges) {
            Ok(graph) if problems.is_empty() => {
                Ok(NamedGraph { graph, names: names.into_iter().map(str::to_owned).collect(), repeated })
            }
            Ok(_) => Err(WiringProblems { problems }),
            Err(GraphError::Cyclic(cycles)) => {
                problems.extend(cycles.paths.into_iter().map(|path| WiringProblem::Cycle {
                    path: path.into_iter().map(|place| names[place].to_owned()).collect(),
                }));
                Err(WiringProblems { problems })
            }
            Err(GraphError::NoSuchNode { .. }) => unreachable!("both ends of every edge were found among the names"),
        }
    }
}

impl Graph {
    /// The graph of a template's steps; a node's number is the step's place in [`Template::steps`].
    ///
    /// # Errors
    /// None for a template that was parsed from a file; one that was put together otherwise may have cycles or parents
    /// that do not exist.
    pub fn of_template(template: &Template) -> Result<Self, GraphError> {
        let edges: Vec<(usize, usize)> = template
            .steps
            .iter()
            .enumerate()
            .flat_map(|(child, step)| step.parents.iter().map(move |&parent| (parent, child)))
            .collect();
        Graph::new(template.steps.len(), &edges)
    }
}

fn suggestion(nearest: &[String]) -> String {
    if nearest.is_empty() {
        return ": correct the name".to_owned();
    }
    let names: Vec<String> = nearest.iter().map(|name| quoted(name)).collect();
    format!(": did you mean {}?", or_list(&names))
}

fn circle(path: &[String]) -> String {
    let names: Vec<String> = path.iter().chain(path.first()).map(|name| quoted(name)).collect();
    names.join(" → ")
}
