//! Why a queue did not do what it was asked for.

use std::error::Error;

use tasker_postgres::ledger::LedgerError;

/// A queue did not take a job in, or did not hand one out. Every text says what to do next.
///
/// A task is never lost by this: it stands in the record, and a [sweep](crate::Tasker::sweep) or a worker finds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The job cannot stand in any queue. Change it.
    #[error(transparent)]
    Job(#[from] JobProblem),
    /// A job of this key waits for another task. Nothing was done: make the key say which task it is about.
    #[error(
        "the key {key:?} of queue {queue:?} waits for another task than {task_id}: put the task's id into the key, or leave it to `Job::of_task`"
    )]
    KeyOfAnotherTask {
        /// The queue.
        queue: String,
        /// The key.
        key: String,
        /// The task that was to be woken.
        task_id: i64,
    },
    /// The queue was closed. Enqueue into one that is open; what is lost until then is found by a sweep.
    #[error("the queue is closed: use one that is open, or leave the task to the next sweep")]
    Closed,
    /// The database did not do it. Try again when it is well; what is lost until then is found by a sweep.
    #[error("{0}; the task stands, and the next sweep enqueues it")]
    Database(#[from] LedgerError),
    /// A framework's own queue did not do it. Try again; what is lost until then is found by a sweep.
    #[error("the queue failed: {0}; the task stands, and the next sweep enqueues it")]
    Backend(#[source] Box<dyn Error + Send + Sync>),
}

impl QueueError {
    /// What a framework's own queue reported.
    pub fn backend(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Backend(error.into())
    }
}

/// Why a job cannot stand in any queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobProblem {
    /// The name of its queue, or its key, is empty.
    #[error("the {what} of a job is empty: give it a name, or leave it out")]
    Empty {
        /// `queue` or `key`.
        what: &'static str,
    },
    /// The name of its queue, or its key, is too long.
    #[error("the {what} of a job has {bytes} bytes, more than {most}: shorten it, for example to a hash")]
    TooLong {
        /// `queue` or `key`.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// The name of its queue, or its key, holds a NUL.
    #[error("the {what} of a job holds a NUL, which no database stores: take it out")]
    Nul {
        /// `queue` or `key`.
        what: &'static str,
    },
}
