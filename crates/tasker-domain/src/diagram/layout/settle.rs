//! Draws nodes to the middle of their neighbours where nothing stands in the way.
//!
//! For one layer at a time the places nearest to the wished ones, in the given order and at the least distances, are
//! found exactly: a least-squares fit under an order, by pooling neighbours that would overlap.

use super::layers::Layered;
use super::place::distance;

/// How often the layers are gone through.
const ROUNDS: usize = 6;
/// How strongly a passage keeps its place, so that long edges stay straight.
const PASSAGE_WEIGHT: f64 = 60.0;

struct Pool {
    sum: f64,
    weight: f64,
    count: usize,
}

pub(super) fn settle(layered: &Layered, places: &mut [f64]) {
    let count = layered.layers.len();
    for round in 0..ROUNDS {
        for step in 0..count {
            let index = if round % 2 == 0 { step } else { count - 1 - step };
            settle_layer(layered, &layered.layers[index], places);
        }
    }
}

fn settle_layer(layered: &Layered, layer: &[usize], places: &mut [f64]) {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(layer.len());
    let mut pools: Vec<Pool> = Vec::with_capacity(layer.len());
    for (index, &vertex) in layer.iter().enumerate() {
        if index > 0 {
            offset += distance(layered, layer[index - 1], vertex);
        }
        offsets.push(offset);
        let (wish, weight) = wish(layered, vertex, places);
        let mut pool = Pool { sum: (wish - offset) * weight, weight, count: 1 };
        while let Some(before) = pools.pop_if(|before| before.sum / before.weight >= pool.sum / pool.weight) {
            pool.sum += before.sum;
            pool.weight += before.weight;
            pool.count += before.count;
        }
        pools.push(pool);
    }
    let mut index = 0;
    for pool in pools {
        let base = pool.sum / pool.weight;
        for _ in 0..pool.count {
            places[layer[index]] = base + offsets[index];
            index += 1;
        }
    }
}

/// Where a vertex would like to stand, and how much.
fn wish(layered: &Layered, vertex: usize, places: &[f64]) -> (f64, f64) {
    if layered.is_passage(vertex) {
        return (places[vertex], PASSAGE_WEIGHT);
    }
    let (up, down) = (&layered.up[vertex], &layered.down[vertex]);
    let mean = |neighbours: &[usize]| {
        neighbours.iter().map(|neighbour| places[*neighbour]).sum::<f64>() / neighbours.len() as f64
    };
    match (up.is_empty(), down.is_empty()) {
        (true, true) => (places[vertex], 1.0),
        (false, true) => (mean(up), 1.0 + up.len() as f64),
        (true, false) => (mean(down), 1.0 + down.len() as f64),
        (false, false) => (f64::midpoint(mean(up), mean(down)), 1.0 + (up.len() + down.len()) as f64),
    }
}
