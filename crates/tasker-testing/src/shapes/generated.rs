//! Shapes of any size, drawn from a seed.

use tasker_core::entropy::Entropy;

use super::WorkflowShape;

/// Most steps that a drawn step waits for.
const MOST_PARENTS: usize = 4;

impl WorkflowShape {
    /// A graph of this many steps without any order but that of the edges: about one step in five is a root, the others
    /// wait for one to four earlier ones, near ones more often than far ones. The order of definition is shuffled, so
    /// that a step may stand before those it waits for.
    ///
    /// # Panics
    /// When `steps` is 0.
    pub fn random(steps: usize, entropy: &Entropy) -> Self {
        assert!(steps > 0, "a workflow needs a step");
        let mut edges = Vec::new();
        for child in 1..steps {
            if entropy.fraction() < 0.2 {
                continue;
            }
            let mut parents = Vec::new();
            for _ in 0..=below(entropy, MOST_PARENTS) {
                let distance = entropy.fraction().powi(2);
                let parent = child - 1 - scaled(distance, child);
                if !parents.contains(&parent) {
                    parents.push(parent);
                }
            }
            edges.extend(parents.into_iter().map(|parent| (parent, child)));
        }
        let places = shuffled(steps, entropy);
        let mut edges: Vec<_> = edges.into_iter().map(|(parent, child)| (places[parent], places[child])).collect();
        edges.sort_unstable_by_key(|&(parent, child)| (child, parent));
        Self::new(format!("random_{steps}"), (0..steps).map(|place| format!("step_{place:05}")), edges)
    }

    /// Layers of equal width; each step waits for one to four steps of the layer before, and each of those is waited
    /// for by at least one.
    ///
    /// # Panics
    /// When `layers` or `width` is 0.
    pub fn layered(layers: usize, width: usize, entropy: &Entropy) -> Self {
        assert!(layers > 0 && width > 0, "a layered workflow needs a layer with a step");
        let mut edges = Vec::new();
        for layer in 1..layers {
            let before = (layer - 1) * width;
            let order = shuffled(width, entropy);
            for (place, &partner) in order.iter().enumerate() {
                let mut parents = vec![partner];
                for _ in 0..below(entropy, MOST_PARENTS) {
                    let parent = below(entropy, width);
                    if !parents.contains(&parent) {
                        parents.push(parent);
                    }
                }
                edges.extend(parents.into_iter().map(|parent| (before + parent, layer * width + place)));
            }
        }
        let names = (0..layers * width).map(|step| format!("layer_{}_step_{}", step / width, step % width));
        Self::new(format!("layered_{layers}x{width}"), names, edges)
    }
}

/// A number from 0 up to but not including `limit`, which is not 0.
fn below(entropy: &Entropy, limit: usize) -> usize {
    scaled(entropy.fraction(), limit)
}

/// The place that a fraction from 0 up to but not including 1 has among `limit` ones.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of steps are far below 2^53 and never negative"
)]
fn scaled(fraction: f64, limit: usize) -> usize {
    ((fraction * limit as f64) as usize).min(limit - 1)
}

/// The numbers from 0 in any order.
fn shuffled(number: usize, entropy: &Entropy) -> Vec<usize> {
    let mut places: Vec<usize> = (0..number).collect();
    for last in (1..number).rev() {
        places.swap(last, below(entropy, last + 1));
    }
    places
}
