//! Unconnected parts of a graph, side by side.

use super::{Layout, Place, Route, Size};
use crate::graph::Graph;

/// Space between two parts.
const BETWEEN: f64 = 34.0;

/// The connected parts, the largest first, equal ones by their smallest node; each ascending.
pub(super) fn parts(graph: &Graph) -> Vec<Vec<usize>> {
    let mut is_met = vec![false; graph.len()];
    let mut parts = Vec::new();
    for start in 0..graph.len() {
        if is_met[start] {
            continue;
        }
        is_met[start] = true;
        let mut part = vec![start];
        let mut next = 0;
        while next < part.len() {
            let node = part[next];
            next += 1;
            for &other in graph.parents(node).iter().chain(graph.children(node)) {
                if !is_met[other] {
                    is_met[other] = true;
                    part.push(other);
                }
            }
        }
        part.sort_unstable();
        parts.push(part);
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
}

/// Puts laid-out parts on shelves: across until a shelf is full, then along.
pub(super) fn pack(nodes: usize, parts: &[Vec<usize>], laid_out: Vec<Layout>, proportion: f64) -> Layout {
    let area: f64 = laid_out.iter().map(|part| (part.size.along + BETWEEN) * (part.size.across + BETWEEN)).sum();
    let widest = laid_out.iter().map(|part| part.size.across).fold(0.0, f64::max);
    let full = widest.max((area * proportion).sqrt());
    let mut whole = Layout {
        nodes: vec![Place { along: 0.0, across: 0.0 }; nodes],
        routes: Vec::new(),
        size: Size { along: 0.0, across: 0.0 },
    };
    let (mut along, mut across, mut shelf) = (0.0, 0.0, 0.0_f64);
    for (part, laid_out) in parts.iter().zip(laid_out) {
        if across > 0.0 && across + laid_out.size.across > full {
            along += shelf + BETWEEN;
            across = 0.0;
            shelf = 0.0;
        }
        let moved = |place: Place| Place { along: place.along + along, across: place.across + across };
        for (&node, &place) in part.iter().zip(&laid_out.nodes) {
            whole.nodes[node] = moved(place);
        }
        whole.routes.extend(
            laid_out
                .routes
                .into_iter()
                .map(|route| Route { places: route.places.into_iter().map(moved).collect(), ..route }),
        );
        whole.size.across = whole.size.across.max(across + laid_out.size.across);
        shelf = shelf.max(laid_out.size.along);
        across += laid_out.size.across + BETWEEN;
    }
    whole.size.along = along + shelf;
    whole
}
