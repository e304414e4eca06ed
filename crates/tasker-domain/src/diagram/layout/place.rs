//! Places across: blocks of vertices that stand exactly in line, after Brandes and Köpf, then nodes drawn between their
//! neighbours.
//!
//! Vertices are aligned with the middle one of their neighbours in four ways (looking up or down, beginning left or
//! right); each vertex takes the mean of the middle two of its four places.

use super::layers::Layered;
use super::{align, settle};

/// Space between two nodes.
const BETWEEN_NODES: f64 = 26.0;
/// Space beside an edge that passes.
const BESIDE_PASSAGES: f64 = 10.0;

/// The place of each vertex's middle; the smallest may be anything.
pub(super) fn across(layered: &Layered) -> Vec<f64> {
    let conflicts = align::conflicts(layered);
    let mut four: Vec<Vec<f64>> = Vec::with_capacity(4);
    for looks_up in [true, false] {
        for from_left in [true, false] {
            four.push(align::places(layered, &conflicts, looks_up, from_left));
        }
    }
    bring_together(layered, &mut four);
    let mut places: Vec<f64> = (0..layered.layer_of.len())
        .map(|vertex| {
            let mut candidates = [four[0][vertex], four[1][vertex], four[2][vertex], four[3][vertex]];
            candidates.sort_by(f64::total_cmp);
            f64::midpoint(candidates[1], candidates[2])
        })
        .collect();
    settle::settle(layered, &mut places);
    places
}

/// The least distance between the middles of two vertices that stand side by side.
pub(super) fn distance(layered: &Layered, left: usize, right: usize) -> f64 {
    let between = if layered.is_passage(left) || layered.is_passage(right) { BESIDE_PASSAGES } else { BETWEEN_NODES };
    (layered.sizes[left].across + layered.sizes[right].across) / 2.0 + between
}

/// Shifts the four so that those from the left begin, and those from the right end, where the narrowest does.
fn bring_together(layered: &Layered, four: &mut [Vec<f64>]) {
    let ends = |places: &[f64]| {
        let half = |vertex: usize| layered.sizes[vertex].across / 2.0;
        let from = (0..places.len()).map(|vertex| places[vertex] - half(vertex)).fold(f64::INFINITY, f64::min);
        let to = (0..places.len()).map(|vertex| places[vertex] + half(vertex)).fold(f64::NEG_INFINITY, f64::max);
        (from, to)
    };
    let all: Vec<(f64, f64)> = four.iter().map(|places| ends(places)).collect();
    let narrowest = all.iter().copied().min_by(|left, right| (left.1 - left.0).total_cmp(&(right.1 - right.0)));
    let Some(narrowest) = narrowest else { return };
    for (index, places) in four.iter_mut().enumerate() {
        let from_left = index % 2 == 0;
        let shift = if from_left { narrowest.0 - all[index].0 } else { narrowest.1 - all[index].1 };
        for place in places {
            *place += shift;
        }
    }
}
