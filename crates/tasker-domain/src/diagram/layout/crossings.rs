//! Counting crossings.

use super::layers::Layered;

/// How many links cross, given the position of each vertex in its layer.
pub(super) fn count(layered: &Layered, position: &[usize]) -> usize {
    layered.layers.iter().map(|layer| below(layered, layer, position)).sum()
}

/// Crossings between a layer and the next, with a tree of sums over the positions of the next.
fn below(layered: &Layered, layer: &[usize], position: &[usize]) -> usize {
    let ends: Vec<usize> = layer
        .iter()
        .flat_map(|vertex| {
            let mut ends: Vec<usize> = layered.down[*vertex].iter().map(|below| position[*below]).collect();
            ends.sort_unstable();
            ends
        })
        .collect();
    let size = ends.iter().max().map_or(0, |last| last + 1);
    let mut sums = vec![0_usize; size + 1];
    let mut crossings = 0;
    for (seen, &end) in ends.iter().enumerate() {
        let mut not_beyond = 0;
        let mut index = end + 1;
        while index > 0 {
            not_beyond += sums[index];
            index &= index - 1;
        }
        crossings += seen - not_beyond;
        let mut index = end + 1;
        while index <= size {
            sums[index] += 1;
            index += index & index.wrapping_neg();
        }
    }
    crossings
}

/// Crossings of the links of two neighbours, as they stand and when they change places; both lists ascending.
pub(super) fn of_pair(left: &[usize], right: &[usize]) -> (usize, usize) {
    (crossing(left, right), crossing(right, left))
}

/// How many pairs there are in which the first's end lies beyond the second's.
fn crossing(first: &[usize], second: &[usize]) -> usize {
    let mut smaller = 0;
    let mut crossings = 0;
    for end in first {
        while smaller < second.len() && second[smaller] < *end {
            smaller += 1;
        }
        crossings += smaller;
    }
    crossings
}
