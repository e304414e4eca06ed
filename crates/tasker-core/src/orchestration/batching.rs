//! Which outcomes travel together. Two calls in flight keep both the server's processors and its disk busy, but only
//! where neither waits for rows of the other: the halves of a diamond that end in two calls wait for each other at the
//! counters of their task until a commit. So each of two calls carries the tasks of one half of all ids.

use super::holding::Finished;

/// From how many outcomes and new tasks on a call is worth its commit beside one that is in flight.
const WORTH_A_CALL: usize = 8;

/// With how many outcomes that have to wait for a call of their own half they go without it.
const CROWD: usize = 128;

/// The tasks whose outcomes a call carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    All,
    Even,
    Odd,
}

impl Share {
    pub(super) fn has(self, task_id: i64) -> bool {
        match self {
            Share::All => true,
            Share::Even => task_id % 2 == 0,
            Share::Odd => task_id % 2 != 0,
        }
    }
}

/// What waits for a call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waiting {
    pub(super) even: usize,
    pub(super) odd: usize,
    /// The half of who has waited longest.
    pub(super) oldest: Option<Share>,
    /// Tasks to create; they have no ids yet and go with either.
    pub(super) create: usize,
    /// Whether a call is due even if it carries nothing.
    pub(super) ask: bool,
}

impl Waiting {
    pub(super) fn of(finished: &[Finished], create: usize, ask: bool) -> Self {
        let even = finished.iter().filter(|finished| Share::Even.has(finished.task_id)).count();
        let half = |finished: &Finished| if Share::Even.has(finished.task_id) { Share::Even } else { Share::Odd };
        Waiting { even, odd: finished.len() - even, oldest: finished.first().map(half), create, ask }
    }

    fn all(self) -> usize {
        self.even + self.odd + self.create
    }

    /// What the next call carries beside those in flight; nothing if it is better to wait for one of them. `concurrency`
    /// is how many steps the worker runs at a time: one that runs few of them will not gather many.
    pub(super) fn next(self, in_flight: &[Share], at_a_time: usize, concurrency: usize) -> Option<Share> {
        let worth = WORTH_A_CALL.min(concurrency / 4);
        match *in_flight {
            [] if self.all() == 0 => self.ask.then_some(Share::All),
            // The few of a half that was not worth a call beside the other go first now: nobody waits for more than one call.
            [] if at_a_time > 1 && self.all() >= 2 * worth => Some(self.oldest.unwrap_or(Share::All)),
            [] => Some(Share::All),
            [busy] if at_a_time > 1 => {
                let (other, waits) = match busy {
                    Share::Even => (Share::Odd, self.odd),
                    Share::Odd => (Share::Even, self.even),
                    // Either half may have to wait for it.
                    Share::All => return (self.all() >= (2 * worth).max(1)).then_some(Share::All),
                };
                if self.even + self.odd - waits >= CROWD {
                    return Some(Share::All);
                }
                (waits + self.create >= worth.max(1)).then_some(other)
            }
            _ => None,
        }
    }
}
