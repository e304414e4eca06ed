//! What is told while tasks run: after the commit, in the order in which it happened.

use std::time::Duration;

use tasker_postgres::ledger::Ended;

/// Something that stands in the database by the time it is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// A task was created.
    TaskCreated {
        /// Id of the task.
        task_id: i64,
    },
    /// A step was claimed and its handler starts.
    StepStarted {
        /// Id of the task.
        task_id: i64,
        /// Place of the step in the template.
        place: usize,
        /// Number of the attempt, from 1.
        attempt: u32,
    },
    /// A step ended well.
    StepSucceeded {
        /// Id of the task.
        task_id: i64,
        /// Place of the step in the template.
        place: usize,
        /// Number of the attempt.
        attempt: u32,
    },
    /// A step was passed over, as its request says: it is complete without its handler.
    StepBypassed {
        /// Id of the task.
        task_id: i64,
        /// Place of the step in the template.
        place: usize,
    },
    /// An attempt failed and another follows.
    StepWillRetry {
        /// Id of the task.
        task_id: i64,
        /// Place of the step in the template.
        place: usize,
        /// Number of the attempt that failed.
        attempt: u32,
        /// Time until the next attempt.
        wait: Duration,
        /// What went wrong.
        error: String,
    },
    /// A step is dead.
    StepDied {
        /// Id of the task.
        task_id: i64,
        /// Place of the step in the template.
        place: usize,
        /// Number of the attempt that failed.
        attempt: u32,
        /// Whether it failed for good; otherwise its attempts are used up.
        permanent: bool,
        /// What went wrong.
        error: String,
    },
    /// A step goes back unfinished.
    StepHandedBack {
        /// Id of the task.
        task_id: i64,
        /// Place of the step in the template.
        place: usize,
    },
    /// The outcome of a step was refused: its claim was taken over meanwhile.
    OutcomeRefused {
        /// Id of the task.
        task_id: i64,
        /// Place of the step in the template.
        place: usize,
    },
    /// Nothing of a task can run before this time has passed.
    TaskParked {
        /// Id of the task.
        task_id: i64,
        /// Time until the next step is due, if it is known.
        wait: Option<Duration>,
    },
    /// A task ended.
    TaskEnded {
        /// Id of the task.
        task_id: i64,
        /// How.
        ended: Ended,
    },
}

/// Who is told. Called in the worker's loop: it must return at once.
pub trait Observer: Send + Sync {
    /// Takes note.
    fn observe(&self, progress: Progress);
}

impl<F: Fn(Progress) + Send + Sync> Observer for F {
    fn observe(&self, progress: Progress) {
        self(progress);
    }
}

/// An observer that takes no note of anything.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&self, _progress: Progress) {}
}
