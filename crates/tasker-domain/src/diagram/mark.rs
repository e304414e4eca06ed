//! What a picture shows of a state: a colour, a sign and a word, so that no meaning hangs on the colour alone.

use serde::{Deserialize, Serialize};

use crate::state::StepState;

/// How a step, or an attempt, is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Waits for its parents.
    Pending,
    /// Could run now.
    Ready,
    /// Runs.
    Running,
    /// Failed and waits for its next attempt.
    Waiting,
    /// An attempt that failed and was followed by another.
    Retried,
    /// Ended well.
    Complete,
    /// Failed for good.
    Failed,
    /// Called off.
    Cancelled,
    /// Settled by a person.
    Resolved,
}

/// Colours in `#rrggbb`: of lines and signs, and of the area within.
pub(crate) struct Shades {
    pub(crate) strong: &'static str,
    pub(crate) tint: &'static str,
}

impl Mark {
    /// Every mark, in the order of a legend.
    pub const ALL: [Mark; 9] = [
        Mark::Pending,
        Mark::Ready,
        Mark::Running,
        Mark::Waiting,
        Mark::Retried,
        Mark::Complete,
        Mark::Failed,
        Mark::Cancelled,
        Mark::Resolved,
    ];

    /// The word for it in legends and descriptions.
    pub fn word(self) -> &'static str {
        match self {
            Mark::Pending => "pending",
            Mark::Ready => "ready",
            Mark::Running => "running",
            Mark::Waiting => "waiting to be tried again",
            Mark::Retried => "failed, tried again",
            Mark::Complete => "complete",
            Mark::Failed => "failed",
            Mark::Cancelled => "cancelled",
            Mark::Resolved => "resolved manually",
        }
    }

    /// A sign for text.
    pub fn sign(self) -> char {
        match self {
            Mark::Pending => '·',
            Mark::Ready => '→',
            Mark::Running => '▶',
            Mark::Waiting => '◷',
            Mark::Retried => '!',
            Mark::Complete => '✓',
            Mark::Failed => '✗',
            Mark::Cancelled => '⊘',
            Mark::Resolved => '◆',
        }
    }

    /// The class in style sheets and Mermaid.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Mark::Pending => "pending",
            Mark::Ready => "ready",
            Mark::Running => "running",
            Mark::Waiting => "waiting",
            Mark::Retried => "retried",
            Mark::Complete => "complete",
            Mark::Failed => "failed",
            Mark::Cancelled => "cancelled",
            Mark::Resolved => "resolved",
        }
    }

    /// The sign as strokes around 0,0 within a circle of radius 8.
    pub(crate) fn strokes(self) -> &'static str {
        match self {
            Mark::Pending => "M-3.4 0h.01M0 0h.01M3.4 0h.01",
            Mark::Ready => "M-3.4 0H3M.2-3L3.2 0L.2 3",
            Mark::Running => "M-1.9-3.2L3.2 0L-1.9 3.2Z",
            Mark::Waiting => "M0-4V.3L2.7 2",
            Mark::Retried => "M0-4V.8M0 3.7h.01",
            Mark::Complete => "M-3.7.3L-1.1 2.9L3.8-2.7",
            Mark::Failed => "M-2.8-2.8L2.8 2.8M2.8-2.8L-2.8 2.8",
            Mark::Cancelled => "M-3.2 3.2L3.2-3.2",
            Mark::Resolved => "M0-3.6L3.6 0L0 3.6L-3.6 0Z",
        }
    }

    pub(crate) fn light(self) -> Shades {
        let (strong, tint) = match self {
            Mark::Pending => ("#6e7781", "#f6f8fa"),
            Mark::Ready => ("#0969da", "#e4f2ff"),
            Mark::Running => ("#8250df", "#f6edff"),
            Mark::Waiting => ("#9a6700", "#fff6d1"),
            Mark::Retried => ("#bc4c00", "#fff0e2"),
            Mark::Complete => ("#1a7f37", "#e3f8e8"),
            Mark::Failed => ("#cf222e", "#ffebe9"),
            Mark::Cancelled => ("#57606a", "#eaeef2"),
            Mark::Resolved => ("#1b7c83", "#def5f5"),
        };
        Shades { strong, tint }
    }

    pub(crate) fn dark(self) -> Shades {
        let (strong, tint) = match self {
            Mark::Pending => ("#8b949e", "#1a1f27"),
            Mark::Ready => ("#58a6ff", "#10243f"),
            Mark::Running => ("#bc8cff", "#271d40"),
            Mark::Waiting => ("#d6a127", "#2d2412"),
            Mark::Retried => ("#f0883e", "#33200f"),
            Mark::Complete => ("#3fb950", "#11291a"),
            Mark::Failed => ("#ff6a62", "#381a1c"),
            Mark::Cancelled => ("#8b949e", "#21262d"),
            Mark::Resolved => ("#39c5cf", "#0e2a2d"),
        };
        Shades { strong, tint }
    }
}

impl From<StepState> for Mark {
    fn from(state: StepState) -> Self {
        match state {
            StepState::Pending => Mark::Pending,
            StepState::InProgress => Mark::Running,
            StepState::Complete => Mark::Complete,
            StepState::Error => Mark::Failed,
            StepState::Cancelled => Mark::Cancelled,
            StepState::ResolvedManually => Mark::Resolved,
        }
    }
}
