//! The order within the layers: sweeps that sort each layer by the mean of its neighbours, with exchanges of neighbours
//! in between; the best order seen wins.

use super::crossings;
use super::layers::Layered;

/// Most sweeps from one start; a graph beyond [`LARGE`] gets fewer.
const SWEEPS: usize = 24;
/// Sweeps without any gain after which it is good enough.
const PATIENCE: usize = 6;
/// From this number of vertices on every sweep counts, and there is one start.
const LARGE: usize = 2_000;
/// Vertices that all starts together may have.
const BUDGET: usize = 6_000;
/// Most starts.
const STARTS: usize = 24;

/// Orders the layers.
pub(super) fn arrange(layered: &mut Layered) {
    let vertices = layered.layer_of.len();
    let starts = (BUDGET / vertices.max(1)).clamp(1, STARTS);
    let mut best = layered.layers.clone();
    let mut fewest = usize::MAX;
    for number in 0..starts {
        start(layered, number);
        let crossings = improve(layered);
        if crossings < fewest {
            fewest = crossings;
            best.clone_from(&layered.layers);
        }
        if fewest == 0 {
            break;
        }
    }
    layered.layers = best;
}

/// Sweeps over the layers from the order that they have; leaves the best order and says how many crossings it has.
fn improve(layered: &mut Layered) -> usize {
    let sweeps = if layered.layer_of.len() > LARGE { 4 } else { SWEEPS };
    let mut position = positions(layered);
    let mut best = layered.layers.clone();
    let mut fewest = crossings::count(layered, &position);
    let mut without_gain = 0;
    for sweep in 0..sweeps {
        if fewest == 0 || without_gain >= PATIENCE {
            break;
        }
        sort_layers(layered, &mut position, sweep);
        exchange(layered, &mut position);
        let crossings = crossings::count(layered, &position);
        without_gain += 1;
        if crossings < fewest {
            fewest = crossings;
            best.clone_from(&layered.layers);
            without_gain = 0;
        }
    }
    layered.layers = best;
    fewest
}

/// The order in which a walk down from the first nodes meets the vertices: keeps branches together. The first start
/// takes children as they were given, the second the other way round, further ones turn them by a fixed rule.
fn start(layered: &mut Layered, number: usize) {
    let vertices = layered.layer_of.len();
    let mut is_met = vec![false; vertices];
    let mut layers = vec![Vec::new(); layered.layers.len()];
    let turn = |vertex: usize, list: &mut [usize]| match number {
        0 => {}
        1 => list.reverse(),
        _ => {
            let length = list.len().max(1);
            list.rotate_left((vertex.wrapping_mul(31) + number * 17) % length);
            if (vertex * 7 + number * 5).is_multiple_of(3) {
                list.reverse();
            }
        }
    };
    let mut roots: Vec<usize> = (0..vertices).filter(|vertex| layered.layer_of[*vertex] == 0).collect();
    turn(0, &mut roots);
    for root in roots {
        let mut waiting = vec![root];
        while let Some(vertex) = waiting.pop() {
            if is_met[vertex] {
                continue;
            }
            is_met[vertex] = true;
            layers[layered.layer_of[vertex]].push(vertex);
            let mut below = layered.down[vertex].clone();
            turn(vertex, &mut below);
            waiting.extend(below.iter().rev());
        }
    }
    // Edges too many to be linked leave vertices that no walk meets.
    for vertex in (0..vertices).filter(|vertex| !is_met[*vertex]) {
        layers[layered.layer_of[vertex]].push(vertex);
    }
    layered.layers = layers;
}

fn positions(layered: &Layered) -> Vec<usize> {
    let mut position = vec![0; layered.layer_of.len()];
    for layer in &layered.layers {
        for (place, &vertex) in layer.iter().enumerate() {
            position[vertex] = place;
        }
    }
    position
}

/// One sweep, down or up in turn. Every other pair of sweeps lets equals change places, which leads out of dead ends.
fn sort_layers(layered: &mut Layered, position: &mut [usize], sweep: usize) {
    let goes_down = sweep.is_multiple_of(2);
    let turns_equals = sweep % 4 >= 2;
    let count = layered.layers.len();
    for step in 0..count {
        let index = if goes_down { step } else { count - 1 - step };
        let mut layer = std::mem::take(&mut layered.layers[index]);
        let neighbours = if goes_down { &layered.up } else { &layered.down };
        if turns_equals {
            layer.reverse();
        }
        let mut keyed: Vec<(f64, usize)> =
            layer.iter().map(|vertex| (mean(&neighbours[*vertex], position, position[*vertex]), *vertex)).collect();
        keyed.sort_by(|left, right| left.0.total_cmp(&right.0));
        for (place, (slot, (_, vertex))) in layer.iter_mut().zip(keyed).enumerate() {
            *slot = vertex;
            position[vertex] = place;
        }
        layered.layers[index] = layer;
    }
}

fn mean(neighbours: &[usize], position: &[usize], own: usize) -> f64 {
    if neighbours.is_empty() {
        return own as f64;
    }
    neighbours.iter().map(|neighbour| position[*neighbour] as f64).sum::<f64>() / neighbours.len() as f64
}

/// Exchanges neighbours as long as that takes crossings away, a few times over.
fn exchange(layered: &mut Layered, position: &mut [usize]) {
    let passes = if layered.layer_of.len() > LARGE { 1 } else { 6 };
    for _ in 0..passes {
        let mut gained = false;
        for index in 0..layered.layers.len() {
            let mut layer = std::mem::take(&mut layered.layers[index]);
            for place in 1..layer.len() {
                let (left, right) = (layer[place - 1], layer[place]);
                let (mut now, mut then) = (0, 0);
                for neighbours in [&layered.up, &layered.down] {
                    let ends = |vertex: usize| {
                        let mut ends: Vec<usize> = neighbours[vertex].iter().map(|other| position[*other]).collect();
                        ends.sort_unstable();
                        ends
                    };
                    let (as_they_stand, exchanged) = crossings::of_pair(&ends(left), &ends(right));
                    now += as_they_stand;
                    then += exchanged;
                }
                if then < now {
                    layer.swap(place - 1, place);
                    position[left] = place;
                    position[right] = place - 1;
                    gained = true;
                }
            }
            layered.layers[index] = layer;
        }
        if !gained {
            return;
        }
    }
}
