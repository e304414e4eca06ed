//! The kinds of state that a person tells apart: mark, colour and words of each, and how many steps are of each.

use anstyle::{AnsiColor, Style};

use super::model::{RunModel, StepState};
use super::settings::Charset;

/// A state without its particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Complete,
    Running,
    Retrying,
    Failed,
    Ready,
    Waiting,
    Cancelled,
    Resolved,
    NeverRan,
}

impl Kind {
    /// All kinds, in the order in which totals name them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Complete,
        Self::Resolved,
        Self::Running,
        Self::Retrying,
        Self::Failed,
        Self::Cancelled,
        Self::Ready,
        Self::Waiting,
        Self::NeverRan,
    ];

    pub(crate) fn of(state: &StepState) -> Self {
        match state {
            StepState::Waiting => Self::Waiting,
            StepState::Ready => Self::Ready,
            StepState::Running { .. } => Self::Running,
            StepState::Retrying { .. } => Self::Retrying,
            StepState::Complete { .. } => Self::Complete,
            StepState::Failed { .. } => Self::Failed,
            StepState::Cancelled => Self::Cancelled,
            StepState::ResolvedManually => Self::Resolved,
            StepState::NeverRan => Self::NeverRan,
        }
    }

    /// One character, so that the state shows without colour.
    pub(crate) fn mark(self, charset: Charset) -> &'static str {
        let (unicode, ascii) = match self {
            Self::Complete => ("✓", "+"),
            Self::Running => ("●", ">"),
            Self::Retrying => ("↻", "~"),
            Self::Failed => ("✗", "x"),
            Self::Ready => ("◌", "o"),
            Self::Waiting => ("○", "."),
            Self::Cancelled => ("⊘", "/"),
            Self::Resolved => ("◆", "="),
            Self::NeverRan => ("–", "-"),
        };
        match charset {
            Charset::Unicode => unicode,
            Charset::Ascii => ascii,
        }
    }

    /// The words that totals use, after a number.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Running => "running",
            Self::Retrying => "waiting for retry",
            Self::Failed => "failed",
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Cancelled => "cancelled",
            Self::Resolved => "resolved by hand",
            Self::NeverRan => "never ran",
        }
    }

    pub(crate) fn style(self) -> Style {
        match self {
            Self::Complete | Self::Resolved => AnsiColor::Green.on_default(),
            Self::Running => AnsiColor::Cyan.on_default(),
            Self::Retrying => AnsiColor::Yellow.on_default(),
            Self::Failed => AnsiColor::Red.on_default().bold(),
            Self::Cancelled => AnsiColor::Magenta.on_default(),
            Self::Ready => Style::new(),
            Self::Waiting | Self::NeverRan => FAINT,
        }
    }

    /// Whether a person wants to see the step itself when not all of them fit: the lower the sooner.
    pub(crate) fn urgency(self) -> Option<u8> {
        match self {
            Self::Failed => Some(0),
            Self::Running => Some(1),
            Self::Retrying => Some(2),
            Self::Cancelled => Some(3),
            Self::Complete | Self::Ready | Self::Waiting | Self::Resolved | Self::NeverRan => None,
        }
    }
}

/// What stands beside the point: frames, times, counts.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Titles.
pub(crate) const STRONG: Style = Style::new().bold();

/// How many steps are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    counts: [usize; Kind::ALL.len()],
}

impl Totals {
    /// Counts the steps at these positions of the model.
    pub(crate) fn of(model: &RunModel, positions: impl IntoIterator<Item = usize>) -> Self {
        let mut totals = Self::default();
        for position in positions {
            totals.counts[Kind::of(&model.steps()[position].state) as usize] += 1;
        }
        totals
    }

    pub(crate) fn of_all(model: &RunModel) -> Self {
        Self::of(model, 0..model.steps().len())
    }

    /// Both together.
    pub(crate) fn sum(one: Self, other: Self) -> Self {
        let mut counts = one.counts;
        for (count, more) in counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        Self { counts }
    }

    pub(crate) fn get(&self, kind: Kind) -> usize {
        self.counts[kind as usize]
    }

    pub(crate) fn all(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Steps that what comes after them need not wait for.
    pub(crate) fn done(&self) -> usize {
        self.get(Kind::Complete) + self.get(Kind::Resolved)
    }

    /// Steps that nothing has happened to and nothing can happen to yet.
    pub(crate) fn untouched(&self) -> usize {
        self.get(Kind::Waiting) + self.get(Kind::NeverRan)
    }
}
