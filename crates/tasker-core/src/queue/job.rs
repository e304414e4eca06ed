//! What stands in a queue.

use std::time::Duration;

use chrono::NaiveDateTime;

use super::error::{JobProblem, QueueError};

/// The queue of jobs that name no other.
pub const DEFAULT_QUEUE: &str = "tasker";

/// Longest name of a queue, in bytes.
const MOST_QUEUE_BYTES: usize = 255;

/// Longest key, in bytes.
const MOST_KEY_BYTES: usize = 1000;

/// The furthest wait: a job that is to wait for longer waits for so long.
pub(super) const FURTHEST: Duration = Duration::from_secs(1000 * 365 * 24 * 60 * 60);

/// A job: this task is to be worked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Job {
    /// The task.
    pub task_id: i64,
    /// The queue it stands in: `tasker` unless set; at most 255 bytes.
    pub queue: String,
    /// Each point counts for a minute of waiting; 0 unless set.
    pub priority: i32,
    /// Under which at most one job waits in the queue, if any; at most 1000 bytes.
    pub unique_key: Option<String>,
}

impl Job {
    /// The wake-up of a task, under the key that all wake-ups of this task share: `tasker-` and the task's id. Keys of
    /// one's own must not begin so.
    pub fn of_task(task_id: i64) -> Self {
        Self { task_id, queue: DEFAULT_QUEUE.to_owned(), priority: 0, unique_key: Some(format!("tasker-{task_id}")) }
    }

    /// In this queue.
    #[must_use]
    pub fn in_queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = queue.into();
        self
    }

    /// With this priority.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Under another key, which has to say which task it is about.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.unique_key = Some(key.into());
        self
    }

    /// Beside all others, however many of this task wait.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        self.unique_key = None;
        self
    }

    /// Whether every queue can carry it: names and keys are not empty, not too long, and without NUL.
    ///
    /// # Errors
    /// [`QueueError::Job`].
    pub fn check(&self) -> Result<(), QueueError> {
        let fits = |what: &'static str, text: &str, most: usize| {
            if text.is_empty() {
                return Err(JobProblem::Empty { what });
            }
            if text.len() > most {
                return Err(JobProblem::TooLong { what, bytes: text.len(), most });
            }
            if text.contains('\0') {
                return Err(JobProblem::Nul { what });
            }
            Ok(())
        };
        fits("queue", &self.queue, MOST_QUEUE_BYTES)?;
        if let Some(key) = &self.unique_key {
            fits("key", key, MOST_KEY_BYTES)?;
        }
        Ok(())
    }
}

/// From when on a job may be taken. An instant that has passed means now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// At once.
    Now,
    /// After this time; after at most a thousand years.
    In(Duration),
    /// From this instant (UTC) on, by the clock of whoever keeps the queue. Prefer [`In`](Due::In) where there is a choice:
    /// it does not depend on whose clock is right.
    At(NaiveDateTime),
}

impl Due {
    /// How long it is until then, by a clock that shows this instant (UTC).
    pub fn wait(self, now: NaiveDateTime) -> Duration {
        match self {
            Due::Now => Duration::ZERO,
            Due::In(wait) => wait.min(FURTHEST),
            Due::At(instant) => (instant - now).to_std().unwrap_or(Duration::ZERO).min(FURTHEST),
        }
    }
}

/// What became of a job that was put into a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It waits.
    New,
    /// One of its key waited already and was brought forward: to the earlier instant or the higher priority.
    BroughtForward,
    /// One of its key waited already, for no later and with no less priority: nothing was done.
    Waits,
}

/// A job that somebody has taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// The job. Its key is free again.
    pub job: Job,
    /// The number under which the queue knows it.
    pub number: i64,
    /// Which time it was taken, from 1. Each time voids the ones before.
    pub time: i32,
}
