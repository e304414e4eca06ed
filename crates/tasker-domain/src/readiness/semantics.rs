//! What both ways of judging a step have in common.

use std::fmt;

use chrono::NaiveDateTime;

use super::rows::StepRow;

/// A way of judging steps: [`Rails`](super::Rails) or [`Tasker`](super::Tasker).
pub trait Semantics: sealed::Sealed {
    /// What is said of a step.
    type Answer: Clone + PartialEq + fmt::Debug;
    /// What is counted over the steps of a task.
    type Counts: Clone + Default + PartialEq + fmt::Debug;

    /// Judges a step at an instant (UTC) from its row and how far its parents are: nothing else counts.
    fn judge(step: &StepRow, parents: Parents, now: NaiveDateTime) -> Judged<Self::Answer>;

    /// Adds a step to the counts.
    fn count(counts: &mut Self::Counts, answer: &Self::Answer);

    /// Takes a step out of the counts again.
    fn discount(counts: &mut Self::Counts, answer: &Self::Answer);
}

/// How many edges lead into a step, repeated ones counted each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parents {
    /// All of them.
    pub total: usize,
    /// Those that come from a finished step.
    pub finished: usize,
}

/// What is said of a step, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged<A> {
    /// What is said.
    pub answer: A,
    /// The instant before which the answer is another than from it on, if nothing changes but the time; none where time
    /// makes no difference.
    pub turns_at: Option<NaiveDateTime>,
}

impl Parents {
    /// Whether all are finished; so without any.
    pub fn are_finished(self) -> bool {
        self.finished == self.total
    }
}

pub(super) mod sealed {
    pub trait Sealed {}
}
