//! How many workflows of which pattern a mixed set has.

use super::WorkflowShape;

/// A pattern of the original's suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pattern {
    /// [`WorkflowShape::linear`].
    Linear,
    /// [`WorkflowShape::diamond`].
    Diamond,
    /// [`WorkflowShape::parallel_merge`].
    ParallelMerge,
    /// [`WorkflowShape::tree`].
    Tree,
    /// [`WorkflowShape::mixed`].
    Mixed,
}

impl Pattern {
    /// All of them, in the order in which a set is filled.
    pub const ALL: [Self; 5] = [Self::Linear, Self::Diamond, Self::ParallelMerge, Self::Tree, Self::Mixed];

    /// The word that the context of such a task has as `workflow_type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Diamond => "diamond",
            Self::ParallelMerge => "parallel_merge",
            Self::Tree => "tree",
            Self::Mixed => "mixed",
        }
    }

    /// Its shape.
    pub fn shape(self) -> WorkflowShape {
        match self {
            Self::Linear => WorkflowShape::linear(),
            Self::Diamond => WorkflowShape::diamond(),
            Self::ParallelMerge => WorkflowShape::parallel_merge(),
            Self::Tree => WorkflowShape::tree(),
            Self::Mixed => WorkflowShape::mixed(),
        }
    }
}

/// Shares of the patterns in percent, in the order of [`Pattern::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mixture([usize; 5]);

/// Shares that do not make a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shares of a mixture add up to {0} percent: make them 100")]
pub struct MixtureError(usize);

impl Mixture {
    /// The original's: 30 % linear, 25 % diamond, 20 % parallel merge, 15 % tree, 10 % mixed.
    pub const ORIGINAL: Self = Self([30, 25, 20, 15, 10]);

    /// Shares in percent, in the order of [`Pattern::ALL`].
    ///
    /// # Errors
    /// When they do not add up to 100.
    pub fn new(percent: [usize; 5]) -> Result<Self, MixtureError> {
        match percent.iter().sum() {
            100 => Ok(Self(percent)),
            sum => Err(MixtureError(sum)),
        }
    }

    /// How many of each pattern a set of this size has: each share rounded half up, and what is then too much or too
    /// little settled on linear, as far as there are any, else on the next pattern.
    pub fn counts(self, size: usize) -> [(Pattern, usize); 5] {
        let mut counts = self.0.map(|percent| (size * percent + 50) / 100);
        let total: usize = counts.iter().sum();
        counts[0] += size.saturating_sub(total);
        let mut surplus = total.saturating_sub(size);
        for count in &mut counts {
            let taken = surplus.min(*count);
            *count -= taken;
            surplus -= taken;
        }
        std::array::from_fn(|place| (Pattern::ALL[place], counts[place]))
    }
}
