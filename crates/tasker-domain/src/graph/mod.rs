//! Directed acyclic graphs in compressed form.
//!
//! Nodes are the numbers from 0; an edge leads from a parent to the child that waits for it. Everything is linear in
//! nodes and edges, but for a heap's logarithm in the order, and nothing recurses: a chain of 200,000 is as safe as one
//! of two.

mod adjacency;
mod cycles;
mod measure;
mod named;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub(crate) use adjacency::Adjacency;
pub use measure::CriticalPath;
pub use named::{NamedGraph, RepeatedParent, WiringProblem, WiringProblems};

/// Why nodes and edges are not a directed acyclic graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// An edge names a node that does not exist.
    #[error("the edge {parent} → {child} leads out of the graph's {nodes} nodes")]
    NoSuchNode {
        /// Where the edge begins.
        parent: usize,
        /// Where it ends.
        child: usize,
        /// Number of nodes.
        nodes: usize,
    },
    /// Some nodes wait for each other.
    #[error("the graph has {} cycle(s); the first goes through the nodes {:?}", .0.paths.len(), .0.paths.first())]
    Cyclic(Cycles),
}

/// The cycles of a graph that has some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycles {
    /// One path for each set of nodes that reach each other (each strongly connected component), sets ordered by their
    /// smallest node. A path is a shortest one through that node, begins with it, follows the edges from parent to
    /// child and does not repeat its first node at the end. A node that is its own parent is a path of length one.
    pub paths: Vec<Vec<usize>>,
}

/// A directed acyclic graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    parents: Adjacency,
    children: Adjacency,
    order: Vec<usize>,
    levels: Vec<usize>,
}

impl Graph {
    /// Builds the graph of the nodes `0..nodes` and edges `(parent, child)`. An edge given twice counts once.
    ///
    /// # Errors
    /// An edge that leaves the graph, or every cycle.
    pub fn new(nodes: usize, edges: &[(usize, usize)]) -> Result<Self, GraphError> {
        if let Some(&(parent, child)) = edges.iter().find(|(parent, child)| *parent >= nodes || *child >= nodes) {
            return Err(GraphError::NoSuchNode { parent, child, nodes });
        }
        let parents = Adjacency::new(nodes, edges.iter().map(|&(parent, child)| (child, parent))).without_repeats();
        let children = Adjacency::new(nodes, edges.iter().copied()).without_repeats();
        let (order, levels) = order_and_levels(&parents, &children);
        if order.len() < nodes {
            return Err(GraphError::Cyclic(Cycles { paths: cycles::paths(&children, &order) }));
        }
        Ok(Graph { parents, children, order, levels })
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Number of different edges.
    pub fn edge_count(&self) -> usize {
        self.parents.entries()
    }

    /// The nodes that this one waits for, in the order their edges were given.
    ///
    /// # Panics
    /// If there is no such node; so do all methods that take one.
    pub fn parents(&self, node: usize) -> &[usize] {
        self.parents.of(node)
    }

    /// The nodes that wait for this one, in the order their edges were given.
    pub fn children(&self, node: usize) -> &[usize] {
        self.children.of(node)
    }

    /// All nodes, parents before children; of those that could come next the smallest comes first.
    pub fn topological_order(&self) -> &[usize] {
        &self.order
    }

    /// The level of each node: 0 for roots, otherwise one more than the highest level of its parents.
    pub fn levels(&self) -> &[usize] {
        &self.levels
    }

    /// The nodes without parents, ascending.
    pub fn roots(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(|node| self.parents(*node).is_empty())
    }

    /// The nodes without children, ascending.
    pub fn leaves(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(|node| self.children(*node).is_empty())
    }
}

/// The order as far as there is one: nodes on or behind a cycle are missing from it.
fn order_and_levels(parents: &Adjacency, children: &Adjacency) -> (Vec<usize>, Vec<usize>) {
    let nodes = parents.len();
    let mut unmet: Vec<usize> = (0..nodes).map(|node| parents.range(node).len()).collect();
    let mut next: BinaryHeap<Reverse<usize>> = (0..nodes).filter(|node| unmet[*node] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(nodes);
    let mut levels = vec![0; nodes];
    while let Some(Reverse(node)) = next.pop() {
        order.push(node);
        for &child in children.of(node) {
            levels[child] = levels[child].max(levels[node] + 1);
            unmet[child] -= 1;
            if unmet[child] == 0 {
                next.push(Reverse(child));
            }
        }
    }
    (order, levels)
}
