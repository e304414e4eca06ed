//! For each node a list of others.

use std::ops::Range;

/// For each node a list of others, all lists in one array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adjacency {
    /// Where each node's list begins; one more entry for the end of the last.
    starts: Vec<usize>,
    targets: Vec<usize>,
}

impl Adjacency {
    /// The lists in the order in which the pairs come, repeated pairs included. Both ends of a pair are below `nodes`.
    pub(crate) fn new(nodes: usize, pairs: impl Iterator<Item = (usize, usize)> + Clone) -> Self {
        let mut starts = vec![0; nodes + 1];
        for (from, _) in pairs.clone() {
            starts[from + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let mut targets = vec![0; starts[nodes]];
        let mut next_free = starts.clone();
        for (from, to) in pairs {
            targets[next_free[from]] = to;
            next_free[from] += 1;
        }
        Adjacency { starts, targets }
    }

    /// The same lists, of repeated entries only the first.
    pub(crate) fn without_repeats(self) -> Self {
        let nodes = self.len();
        let mut last_listed_by = vec![usize::MAX; nodes];
        let mut starts = Vec::with_capacity(nodes + 1);
        let mut targets = Vec::with_capacity(self.targets.len());
        for node in 0..nodes {
            starts.push(targets.len());
            for &target in self.of(node) {
                if last_listed_by[target] != node {
                    last_listed_by[target] = node;
                    targets.push(target);
                }
            }
        }
        starts.push(targets.len());
        Adjacency { starts, targets }
    }

    /// Number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of entries in all lists.
    pub(crate) fn entries(&self) -> usize {
        self.targets.len()
    }

    /// The list of a node.
    pub(crate) fn of(&self, node: usize) -> &[usize] {
        &self.targets[self.range(node)]
    }

    /// Where the list of a node stands among all entries.
    pub(crate) fn range(&self, node: usize) -> Range<usize> {
        self.starts[node]..self.starts[node + 1]
    }

    /// An entry by its place among all.
    pub(crate) fn entry(&self, place: usize) -> usize {
        self.targets[place]
    }
}
