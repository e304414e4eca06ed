//! When steps could begin if each took a given time: the way that decides the length of the whole, and the slack of
//! every step that is not on it.
//!
//! Ours: the original counts every step as thirty seconds and calls the path with the most trouble the critical one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::graph::Graph;

/// When each node could begin at the earliest, and how long it could be late without anything else being so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The earliest begin of each node, counted from the start.
    pub earliest: Vec<Duration>,
    /// How much later each node could begin without the whole taking longer.
    pub slack: Vec<Duration>,
    /// The nodes of a way without slack, from a root to a leaf; of several the one through the smallest numbers.
    pub critical_path: Vec<usize>,
    /// How long the whole takes with as many workers as it can use.
    pub total: Duration,
}

/// The schedule of a graph whose nodes take these times.
///
/// # Panics
/// If there are not as many durations as nodes.
pub fn schedule(graph: &Graph, durations: &[Duration]) -> Schedule {
    assert_eq!(durations.len(), graph.len(), "a schedule needs one duration for each node");
    let mut earliest = vec![Duration::ZERO; graph.len()];
    for &node in graph.topological_order() {
        let ends = graph.parents(node).iter().map(|parent| earliest[*parent].saturating_add(durations[*parent]));
        earliest[node] = ends.max().unwrap_or_default();
    }
    let ends = (0..graph.len()).map(|node| earliest[node].saturating_add(durations[node]));
    let total = ends.max().unwrap_or_default();
    let mut latest_end = vec![total; graph.len()];
    for &node in graph.topological_order().iter().rev() {
        let begins = graph.children(node).iter().map(|child| latest_end[*child].saturating_sub(durations[*child]));
        latest_end[node] = begins.min().unwrap_or(total);
    }
    let slack: Vec<Duration> = (0..graph.len())
        .map(|node| latest_end[node].saturating_sub(durations[node]).saturating_sub(earliest[node]))
        .collect();
    let critical_path = critical_path(graph, durations, &earliest, &slack);
    Schedule { earliest, slack, critical_path, total }
}

fn critical_path(graph: &Graph, durations: &[Duration], earliest: &[Duration], slack: &[Duration]) -> Vec<usize> {
    let mut path = Vec::new();
    let mut next = graph.roots().find(|root| slack[*root].is_zero());
    while let Some(node) = next {
        path.push(node);
        let end = earliest[node].saturating_add(durations[node]);
        let follows = |child: &usize| slack[*child].is_zero() && earliest[*child] == end;
        next = graph.children(node).iter().copied().filter(follows).min();
    }
    path
}
