//! One path for each set of nodes that reach each other.

use std::collections::VecDeque;

use super::Adjacency;

/// Paths of the cycles, given the nodes that a topological order could still place.
pub(super) fn paths(children: &Adjacency, placed: &[usize]) -> Vec<Vec<usize>> {
    let nodes = children.len();
    let mut is_placed = vec![false; nodes];
    for &node in placed {
        is_placed[node] = true;
    }
    let component = components(children, &is_placed);
    let mut is_reported = vec![false; nodes];
    let mut found = Vec::new();
    let mut search = Search { came_from: vec![usize::MAX; nodes] };
    for node in 0..nodes {
        if is_placed[node] || is_reported[component[node]] {
            continue;
        }
        if let Some(path) = search.shortest_cycle(children, &component, node) {
            is_reported[component[node]] = true;
            found.push(path);
        }
    }
    found
}

struct Search {
    came_from: Vec<usize>,
}

impl Search {
    /// A shortest cycle through a node within its component; none if the component is the node alone without an edge to
    /// itself. Looks at a component once, so all searches together are linear.
    fn shortest_cycle(&mut self, children: &Adjacency, component: &[usize], start: usize) -> Option<Vec<usize>> {
        let mut waiting = VecDeque::from([start]);
        while let Some(node) = waiting.pop_front() {
            for &child in children.of(node) {
                if child == start {
                    return Some(self.path_back(start, node));
                }
                if component[child] == component[start] && self.came_from[child] == usize::MAX {
                    self.came_from[child] = node;
                    waiting.push_back(child);
                }
            }
        }
        None
    }

    fn path_back(&self, start: usize, last: usize) -> Vec<usize> {
        let mut path = vec![last];
        let mut node = last;
        while node != start {
            node = self.came_from[node];
            path.push(node);
        }
        path.reverse();
        path
    }
}

/// The strongly connected component of each node that is not placed, by Tarjan's way with a stack of our own.
fn components(children: &Adjacency, is_placed: &[bool]) -> Vec<usize> {
    const UNVISITED: usize = usize::MAX;
    let nodes = is_placed.len();
    let mut visit_number = vec![UNVISITED; nodes];
    let mut lowest_reached = vec![0; nodes];
    let mut component = vec![UNVISITED; nodes];
    let mut open = Vec::new();
    let mut next_number = 0;
    let mut next_component = 0;
    let mut calls: Vec<(usize, usize)> = Vec::new();
    for root in 0..nodes {
        if is_placed[root] || visit_number[root] != UNVISITED {
            continue;
        }
        calls.push((root, 0));
        while let Some((node, position)) = calls.pop() {
            if position == 0 {
                visit_number[node] = next_number;
                lowest_reached[node] = next_number;
                next_number += 1;
                open.push(node);
            } else {
                let finished_child = children.of(node)[position - 1];
                lowest_reached[node] = lowest_reached[node].min(lowest_reached[finished_child]);
            }
            let mut descends = false;
            for (offset, &child) in children.of(node)[position..].iter().enumerate() {
                if visit_number[child] == UNVISITED {
                    calls.push((node, position + offset + 1));
                    calls.push((child, 0));
                    descends = true;
                    break;
                }
                if component[child] == UNVISITED {
                    lowest_reached[node] = lowest_reached[node].min(visit_number[child]);
                }
            }
            if descends || lowest_reached[node] != visit_number[node] {
                continue;
            }
            while let Some(member) = open.pop() {
                component[member] = next_component;
                if member == node {
                    break;
                }
            }
            next_component += 1;
        }
    }
    component
}
