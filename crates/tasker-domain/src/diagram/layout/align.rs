//! One of the four ways to align vertices in blocks, and to place the blocks as near to each other as they can stand.

use std::collections::HashSet;

use super::layers::Layered;
use super::place::distance;

/// Links that would break a long edge and are therefore not aligned: pairs of upper and lower vertex.
pub(super) fn conflicts(layered: &Layered) -> HashSet<(usize, usize)> {
    let position = positions(layered, true);
    let mut found = HashSet::new();
    for pair in layered.layers.windows(2) {
        let (upper, lower) = (&pair[0], &pair[1]);
        let mut first_allowed = 0;
        let mut checked = 0;
        for (index, &vertex) in lower.iter().enumerate() {
            let above = inner_neighbour(layered, vertex);
            if above.is_none() && index + 1 < lower.len() {
                continue;
            }
            let last_allowed = above.map_or(upper.len(), |above| position[above]);
            for &candidate in &lower[checked..=index] {
                for &neighbour in &layered.up[candidate] {
                    let is_inner = layered.is_passage(candidate) && layered.is_passage(neighbour);
                    let place = position[neighbour];
                    if !is_inner && (place < first_allowed || place > last_allowed) {
                        found.insert((neighbour, candidate));
                    }
                }
            }
            checked = index + 1;
            first_allowed = last_allowed;
        }
    }
    found
}

/// The passage above a passage of the same edge.
fn inner_neighbour(layered: &Layered, vertex: usize) -> Option<usize> {
    let is_passage = layered.is_passage(vertex);
    layered.up[vertex].iter().copied().find(|above| is_passage && layered.is_passage(*above))
}

/// Positions within the layers, counted from the left or from the right.
fn positions(layered: &Layered, from_left: bool) -> Vec<usize> {
    let mut position = vec![0; layered.layer_of.len()];
    for layer in &layered.layers {
        for (index, &vertex) in layer.iter().enumerate() {
            position[vertex] = if from_left { index } else { layer.len() - 1 - index };
        }
    }
    position
}

/// Places when vertices are aligned with neighbours above (or below), beginning from the left (or the right).
pub(super) fn places(
    layered: &Layered,
    conflicts: &HashSet<(usize, usize)>,
    looks_up: bool,
    from_left: bool,
) -> Vec<f64> {
    let block_of = blocks(layered, conflicts, looks_up, from_left);
    let layers = layered.layers.iter().map(|layer| in_direction(layer, from_left));
    let vertices = layered.layer_of.len();
    let mut beside: Vec<Vec<(usize, f64)>> = vec![Vec::new(); vertices];
    let mut unmet = vec![0_usize; vertices];
    for layer in layers {
        for pair in layer.windows(2) {
            beside[block_of[pair[0]]].push((block_of[pair[1]], distance(layered, pair[0], pair[1])));
            unmet[block_of[pair[1]]] += 1;
        }
    }
    let mut place = vec![0.0_f64; vertices];
    let mut order: Vec<usize> =
        (0..vertices).filter(|block| block_of[*block] == *block && unmet[*block] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        let block = order[next];
        next += 1;
        for &(other, distance) in &beside[block] {
            place[other] = place[other].max(place[block] + distance);
            unmet[other] -= 1;
            if unmet[other] == 0 {
                order.push(other);
            }
        }
    }
    // Back again: a block with room on its other side moves up to its neighbour.
    for &block in order.iter().rev() {
        let nearest =
            beside[block].iter().map(|(other, distance)| place[*other] - distance).fold(f64::INFINITY, f64::min);
        if nearest.is_finite() {
            place[block] = place[block].max(nearest);
        }
    }
    let sign = if from_left { 1.0 } else { -1.0 };
    (0..vertices).map(|vertex| sign * place[block_of[vertex]]).collect()
}

fn in_direction(layer: &[usize], from_left: bool) -> Vec<usize> {
    if from_left { layer.to_vec() } else { layer.iter().rev().copied().collect() }
}

/// The block of each vertex, named by one of its vertices.
fn blocks(layered: &Layered, conflicts: &HashSet<(usize, usize)>, looks_up: bool, from_left: bool) -> Vec<usize> {
    let position = positions(layered, from_left);
    let vertices = layered.layer_of.len();
    let mut block_of: Vec<usize> = (0..vertices).collect();
    let mut is_continued = vec![false; vertices];
    let count = layered.layers.len();
    for step in 0..count {
        let index = if looks_up { step } else { count - 1 - step };
        let mut free_from = 0;
        for vertex in in_direction(&layered.layers[index], from_left) {
            let mut neighbours = if looks_up { layered.up[vertex].clone() } else { layered.down[vertex].clone() };
            if neighbours.is_empty() {
                continue;
            }
            neighbours.sort_unstable_by_key(|neighbour| position[*neighbour]);
            let middle = (neighbours.len() - 1) / 2;
            for &neighbour in &neighbours[middle..=neighbours.len() / 2] {
                let link = if looks_up { (neighbour, vertex) } else { (vertex, neighbour) };
                let is_free = position[neighbour] >= free_from && !is_continued[neighbour];
                if is_free && !conflicts.contains(&link) {
                    block_of[vertex] = block_of[neighbour];
                    is_continued[neighbour] = true;
                    free_from = position[neighbour] + 1;
                    break;
                }
            }
        }
    }
    block_of
}
