//! Asking for a move, and why it is refused.

use std::fmt;

use super::{Edge, Guard, State, StepState};

/// A move that the table does not have. Its text names the legal ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IllegalMove<S> {
    /// State before.
    pub from: S,
    /// State that was asked for.
    pub to: S,
}

impl<S: State> IllegalMove<S> {
    /// The moves that are legal from there.
    pub fn legal(&self) -> Vec<S> {
        S::machine().edges.iter().filter(|edge| edge.from == self.from).map(|edge| edge.to).collect()
    }
}

impl<S: State> fmt::Display for IllegalMove<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "a {} cannot go from {from} to {to}; ", S::WHAT)?;
        match self.legal().as_slice() {
            [] => write!(f, "{from} is final"),
            [only] => write!(f, "it can go to {only} only"),
            [others @ .., last] => {
                let others = others.iter().map(S::to_string).collect::<Vec<_>>().join(", ");
                write!(f, "it can go to {others} or {last}")
            }
        }
    }
}

impl<S: State> std::error::Error for IllegalMove<S> {}

/// What becomes of a request to move that is not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted<S: 'static> {
    /// The move may be written. Whether it was still true when it was written is the writer's to find out.
    Move(&'static Edge<S>),
    /// It is in the state already; nothing is to be written.
    AlreadySo,
}

/// Why a request to move is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal<S: State> {
    /// The table does not have the move.
    #[error(transparent)]
    NoEdge(#[from] IllegalMove<S>),
    /// The move's guard does not hold.
    #[error(
        "a {what} cannot go from {from} to {to} yet: {unmet} of its {looked_at} neither complete nor resolved by hand",
        what = S::WHAT, from = edge.from, to = edge.to,
        looked_at = guard.subject(*unmet),
    )]
    Guard {
        /// The edge.
        edge: &'static Edge<S>,
        /// Its guard.
        guard: Guard,
        /// How many steps stand in its way.
        unmet: usize,
    },
}

/// The edge of a move (B-SM-005 to B-SM-014, B-SM-025 to B-SM-027, B-SM-037 to B-SM-045, B-SM-066 to B-SM-069).
pub(super) fn transition<S: State>(from: S, to: S) -> Result<&'static Edge<S>, IllegalMove<S>> {
    S::machine().edge(from, to).ok_or(IllegalMove { from, to })
}

/// Judges a request to move, its guard included.
pub(super) fn request<S: State>(
    from: S,
    to: S,
    looked_at: impl IntoIterator<Item = StepState>,
) -> Result<Granted<S>, Refusal<S>> {
    if from == to {
        return Ok(Granted::AlreadySo);
    }
    let edge = transition(from, to)?;
    let Some(guard) = edge.guard else { return Ok(Granted::Move(edge)) };
    match guard.unmet(looked_at) {
        0 => Ok(Granted::Move(edge)),
        unmet => Err(Refusal::Guard { edge, guard, unmet }),
    }
}
