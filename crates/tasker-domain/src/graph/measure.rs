//! What follows from a graph once it stands: what hangs on a node, its widest level, its heaviest path.

use super::{Adjacency, Graph};

/// The heaviest way through a graph.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CriticalPath {
    /// The nodes, each a parent of the next. Of several paths of one weight the one that ends in the smallest node, and
    /// before that comes through the smallest parents.
    pub nodes: Vec<usize>,
    /// The sum of their weights; the largest number there is where the sum would exceed it.
    pub weight: u64,
}

impl Graph {
    /// The nodes that must end before this one begins, at any distance, ascending; without the node itself.
    pub fn ancestors(&self, node: usize) -> Vec<usize> {
        reachable(&self.parents, node)
    }

    /// The nodes that cannot begin before this one has ended, at any distance, ascending; without the node itself.
    pub fn descendants(&self, node: usize) -> Vec<usize> {
        reachable(&self.children, node)
    }

    /// Number of levels; 0 without nodes.
    pub fn depth(&self) -> usize {
        self.levels.iter().max().map_or(0, |highest| highest + 1)
    }

    /// Number of nodes on each level, from level 0.
    pub fn level_sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.depth()];
        for &level in &self.levels {
            sizes[level] += 1;
        }
        sizes
    }

    /// The number of nodes on the fullest level: how many can run at once when all of a level take equally long.
    ///
    /// The largest set of nodes of which none waits for another can be larger; it takes more than linear time to find.
    pub fn width(&self) -> usize {
        self.level_sizes().into_iter().max().unwrap_or(0)
    }

    /// The path with the greatest sum of the weights of its nodes, in whatever unit these are; empty without nodes.
    ///
    /// With a weight of 1 for every node it is a longest path; with durations it is what no number of workers can undercut.
    pub fn critical_path(&self, weight: impl Fn(usize) -> u64) -> CriticalPath {
        let mut heaviest = vec![0_u64; self.len()];
        let mut came_from: Vec<Option<usize>> = vec![None; self.len()];
        for &node in self.topological_order() {
            let mut before = 0;
            for &parent in self.parents(node) {
                let is_better = match came_from[node] {
                    None => true,
                    Some(best) => heaviest[parent] > before || heaviest[parent] == before && parent < best,
                };
                if is_better {
                    before = heaviest[parent];
                    came_from[node] = Some(parent);
                }
            }
            heaviest[node] = before.saturating_add(weight(node));
        }
        // of several greatest the last is taken, which counted from behind is the smallest node
        let Some(last) = (0..self.len()).rev().max_by_key(|node| heaviest[*node]) else {
            return CriticalPath { nodes: Vec::new(), weight: 0 };
        };
        let mut nodes = vec![last];
        let mut node = last;
        while let Some(parent) = came_from[node] {
            nodes.push(parent);
            node = parent;
        }
        nodes.reverse();
        CriticalPath { nodes, weight: heaviest[last] }
    }
}

fn reachable(adjacency: &Adjacency, node: usize) -> Vec<usize> {
    let mut is_seen = vec![false; adjacency.len()];
    let mut waiting = vec![node];
    let mut found = Vec::new();
    while let Some(current) = waiting.pop() {
        for &next in adjacency.of(current) {
            if !is_seen[next] {
                is_seen[next] = true;
                found.push(next);
                waiting.push(next);
            }
        }
    }
    found.sort_unstable();
    found
}
