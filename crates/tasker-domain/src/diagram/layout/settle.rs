//! Draws everything together: nodes to the middle of their neighbours, the straight runs of long edges to where their
//! ends are.
//!
//! For one layer at a time the places of nodes nearest to the wished ones, in the given order and at the least
//! distances, are found exactly: a least-squares fit under an order, by pooling neighbours that would overlap. Runs of
//! passages keep still meanwhile; in turn each moves as a whole as far as its neighbours let it, so it stays straight.

use super::layers::Layered;
use super::place::distance;

/// How many vertices are moved in all; the rounds are as many as that gives, within bounds.
const BUDGET: usize = 60_000;
const FEWEST_ROUNDS: usize = 8;
const MOST_ROUNDS: usize = 300;
/// A passage stands still while the nodes of its layer move.
const FIXED: f64 = 1e7;
/// How strongly a step and its only child pull each other into line when that child waits for nothing else.
const ALONE: f64 = 8.0;
/// How strongly a vertex stays that has no reason to move when middles are taken.
const STAYS: f64 = 50.0;
/// Passages of an edge that are no farther apart across are a straight run.
const STRAIGHT: f64 = 0.5;

struct Pool {
    sum: f64,
    weight: f64,
    count: usize,
}

/// Moves the places.
pub(super) fn settle(layered: &Layered, places: &mut [f64]) {
    let sides = Sides::new(layered);
    let mut runs = runs(layered, places);
    let run_of = run_of(&runs, places.len());
    let rounds = (BUDGET / places.len().max(1)).clamp(FEWEST_ROUNDS, MOST_ROUNDS);
    let count = layered.layers.len();
    for round in 0..rounds {
        let goes_down = round % 2 == 0;
        for step in 0..count {
            let index = if goes_down { step } else { count - 1 - step };
            settle_layer(layered, &layered.layers[index], places, wish);
        }
        runs.sort_by(|left, right| places[left[0]].total_cmp(&places[right[0]]));
        if !goes_down {
            runs.reverse();
        }
        for run in &runs {
            move_run(layered, &sides, &run_of, run, places);
        }
    }
    // Once up and once down, and not more often: middles are not where means are, and going on would make all drift.
    for layer in layered.layers.iter().rev() {
        settle_layer(layered, layer, places, |layered, vertex, places| {
            middle_wish(layered, vertex, places, &layered.down, &layered.up)
        });
    }
    for layer in &layered.layers {
        settle_layer(layered, layer, places, |layered, vertex, places| {
            middle_wish(layered, vertex, places, &layered.up, &layered.down)
        });
    }
}

/// The neighbours of each vertex within its layer.
struct Sides {
    left: Vec<Option<usize>>,
    right: Vec<Option<usize>>,
}

impl Sides {
    fn new(layered: &Layered) -> Self {
        let vertices = layered.layer_of.len();
        let mut sides = Sides { left: vec![None; vertices], right: vec![None; vertices] };
        for layer in &layered.layers {
            for pair in layer.windows(2) {
                sides.right[pair[0]] = Some(pair[1]);
                sides.left[pair[1]] = Some(pair[0]);
            }
        }
        sides
    }
}

/// Passages that follow each other and stand in line, from the first to the last layer.
fn runs(layered: &Layered, places: &[f64]) -> Vec<Vec<usize>> {
    let next = |vertex: usize| {
        let next = layered.down[vertex].iter().copied().find(|below| layered.is_passage(*below));
        next.filter(|next| (places[*next] - places[vertex]).abs() <= STRAIGHT)
    };
    let mut is_continuation = vec![false; places.len()];
    for vertex in layered.real..places.len() {
        if let Some(next) = next(vertex) {
            is_continuation[next] = true;
        }
    }
    (layered.real..places.len())
        .filter(|vertex| !is_continuation[*vertex])
        .map(|first| std::iter::successors(Some(first), |vertex| next(*vertex)).collect())
        .collect()
}

/// The run that each passage belongs to, by its first passage; a node is its own.
fn run_of(runs: &[Vec<usize>], vertices: usize) -> Vec<usize> {
    let mut run_of: Vec<usize> = (0..vertices).collect();
    for run in runs {
        for &vertex in run {
            run_of[vertex] = run[0];
        }
    }
    run_of
}

/// Moves a run as a whole towards its ends.
fn move_run(layered: &Layered, sides: &Sides, run_of: &[usize], run: &[usize], places: &mut [f64]) {
    let Some(wish) = wish_of_run(layered, run_of, run, places) else { return };
    let (mut least, mut most) = (f64::NEG_INFINITY, f64::INFINITY);
    for &vertex in run {
        if let Some(left) = sides.left[vertex] {
            least = least.max(places[left] + distance(layered, left, vertex));
        }
        if let Some(right) = sides.right[vertex] {
            most = most.min(places[right] - distance(layered, vertex, right));
        }
    }
    if least > most {
        return;
    }
    for &vertex in run {
        places[vertex] = wish.clamp(least, most);
    }
}

/// In line with an end that has no other edge on this side, so that there is one bend less; otherwise between the ends.
fn wish_of_run(layered: &Layered, run_of: &[usize], run: &[usize], places: &[f64]) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for &vertex in run {
        for (neighbours, opposite) in [(&layered.up[vertex], &layered.down), (&layered.down[vertex], &layered.up)] {
            for &neighbour in neighbours.iter().filter(|neighbour| run_of[**neighbour] != run_of[vertex]) {
                if !layered.is_passage(neighbour) && opposite[neighbour].len() == 1 {
                    return Some(places[neighbour]);
                }
                sum += places[neighbour];
                count += 1.0;
            }
        }
    }
    (count > 0.0).then(|| sum / count)
}

/// Moves the vertices of a layer to where they wish, given by place and weight, as near as they can come.
fn settle_layer(
    layered: &Layered,
    layer: &[usize],
    places: &mut [f64],
    wish: impl Fn(&Layered, usize, &[f64]) -> (f64, f64),
) {
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
        return (places[vertex], FIXED);
    }
    let (up, down) = (&layered.up[vertex], &layered.down[vertex]);
    if up.is_empty() && down.is_empty() {
        return (places[vertex], 1.0);
    }
    let (mut sum, mut weight) = (0.0, 0.0);
    for (neighbours, opposite) in [(up, &layered.down), (down, &layered.up)] {
        for &neighbour in neighbours {
            let is_alone = neighbours.len() == 1 && opposite[neighbour].len() == 1;
            let pull = if is_alone { ALONE } else { 1.0 / neighbours.len() as f64 };
            sum += pull * places[neighbour];
            weight += pull;
        }
    }
    (sum / weight, 1.0 + (up.len() + down.len()) as f64)
}

/// In line with the middle one of several neighbours, or with the only one, so that an edge is straight. A vertex whose
/// only neighbour has others too stays, and so does one with more edges on the other side.
fn middle_wish(
    layered: &Layered,
    vertex: usize,
    places: &[f64],
    neighbours_of: &[Vec<usize>],
    opposite: &[Vec<usize>],
) -> (f64, f64) {
    if layered.is_passage(vertex) {
        return (places[vertex], FIXED);
    }
    let neighbours = &neighbours_of[vertex];
    let is_alone = neighbours.len() == 1 && opposite[neighbours[0]].len() == 1;
    let follows = is_alone || neighbours.len() > 1;
    // The side with more edges decides.
    if !follows || neighbours.len() < opposite[vertex].len() {
        return (places[vertex], STAYS);
    }
    let mut sorted: Vec<f64> = neighbours.iter().map(|neighbour| places[*neighbour]).collect();
    sorted.sort_by(f64::total_cmp);
    (f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]), 1.0)
}
