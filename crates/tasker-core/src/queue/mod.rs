//! The seam to queues: whose jobs say which task is to be worked, and when.
//!
//! Two kinds of programs meet here. A framework that has its own queue and its own consumers (Sidekiq, Celery, BullMQ …)
//! implements [`Queue`], calls [`Tasker::handle_task`](crate::Tasker::handle_task) from its job and hands the answer to
//! [`Handled::follow_up`](crate::Handled::follow_up). A program without one takes [`InProcessQueue`] or [`PostgresQueue`], which are
//! [`Consumer`]s as well, and lets [`Tasker::consume`](crate::Tasker::consume) do all of that.
//!
//! A job leads to the record and says nothing of it. So nothing that a queue does can harm a task: a job that comes twice
//! finds the steps claimed or carried out, one that comes too early is answered with the time that is left, and one that
//! never comes is made anew by [`Tasker::sweep`](crate::Tasker::sweep).
//!
//! ```
//! use std::sync::Arc;
//! use tasker_core::clock::SystemClock;
//! use tasker_core::queue::{Due, Enqueued, InProcessQueue, Job, Queue, QueueError};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), QueueError> {
//! let queue = InProcessQueue::new(Arc::new(SystemClock::new()), 10_000);
//! assert_eq!(queue.enqueue(Job::of_task(7), Due::In(std::time::Duration::from_secs(30))).await?, Enqueued::New);
//! // The same task has something to do before that: one job waits, for the earlier instant.
//! assert_eq!(queue.enqueue(Job::of_task(7), Due::Now).await?, Enqueued::BroughtForward);
//! assert_eq!(queue.enqueue(Job::of_task(7), Due::Now).await?, Enqueued::Waits);
//! # Ok(())
//! # }
//! ```

mod consume;
mod error;
mod follow_up;
mod in_process;
mod job;
mod line;
mod postgres;
mod sweep;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use consume::{Consume, Consumed};
pub use error::{JobProblem, QueueError};
pub use follow_up::HandedIn;
pub use in_process::{InProcessQueue, LeftOver};
pub use job::{DEFAULT_QUEUE, Delivery, Due, Enqueued, Job};
pub use postgres::PostgresQueue;
pub use sweep::{Sweep, Swept};

/// What the methods of a queue return: an operation under way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, QueueError>> + Send + 'a>>;

/// Where jobs are put that wake tasks: what a framework implements for its own queue.
///
/// # What an implementation promises
/// - **At least once.** A job that was taken in reaches a consumer, and again if that consumer dies. Twice does no harm.
/// - **Not before its time**, by the clock of whoever keeps the queue; later is always possible.
/// - **One job of a key.** While a job of some [`unique_key`](Job::unique_key) waits in a queue, another of the same key
///   is not put beside it. Of the two instants the earlier one counts, of the two priorities the higher. The key is free
///   again when the job is *taken*, not when it is done: a wake-up that arrives while the job runs is a new job, as what
///   it is about may have come after the job had looked. The same key in another queue is another key.
///
/// A queue that cannot keep keys may put the second job beside the first and answer [`Enqueued::New`]; that costs idle
/// jobs and nothing else.
pub trait Queue: Send + Sync {
    /// Puts a job into its queue.
    ///
    /// Waits while a queue that is bounded has no room.
    fn enqueue(&self, job: Job, due: Due) -> Pending<'_, Enqueued>;

    /// Puts many jobs into their queues; the answers stand in the order of the jobs. One by one, unless an implementation
    /// knows better. After an error those before it may stand.
    fn enqueue_all(&self, jobs: Vec<(Job, Due)>) -> Pending<'_, Vec<Enqueued>> {
        Box::pin(async move {
            let mut answers = Vec::with_capacity(jobs.len());
            for (job, due) in jobs {
                answers.push(self.enqueue(job, due).await?);
            }
            Ok(answers)
        })
    }
}

/// A queue whose jobs are taken out here: what [`Tasker::consume`](crate::Tasker::consume) works from. Frameworks have
/// consumers of their own and need none of this.
///
/// A job is taken for a time, its lease. It is the taker's until he acknowledges it or puts it back, or until the lease is
/// over without having been renewed: then it comes back to the line, where it keeps its place.
pub trait Consumer: Queue {
    /// Takes at most `most` jobs that are due from these queues, and does not wait for any. Those come first whose instant
    /// is the earliest, where each point of priority counts for a minute: so nothing waits for ever behind what is more
    /// urgent.
    fn take<'a>(&'a self, queues: &'a [String], most: usize) -> Pending<'a, Vec<Delivery>>;

    /// The job is done. False when it was not the taker's any more.
    fn acknowledge<'a>(&'a self, delivery: &'a Delivery) -> Pending<'a, bool>;

    /// The job waits again: for another time, or for another taker. It keeps its key; where another of this key has come
    /// meanwhile, one of both remains, as with [`enqueue`](Queue::enqueue). This needs no room of its own, so it never
    /// waits for others. False when the job was not the taker's any more.
    fn put_back<'a>(&'a self, delivery: &'a Delivery, due: Due) -> Pending<'a, bool>;

    /// The taker still works on these jobs: their leases begin anew.
    fn renew<'a>(&'a self, deliveries: &'a [Delivery]) -> Pending<'a, ()>;

    /// For how long jobs are taken.
    fn lease(&self) -> Duration;

    /// Waits until there may be something to take from these queues, or for `at_most`. `busy` says how many jobs the
    /// caller works on ([`Clock::idle`](crate::clock::Clock::idle)).
    fn wait<'a>(
        &'a self,
        queues: &'a [String],
        busy: usize,
        at_most: Option<Duration>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// The page about queues, for the sake of its examples.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/queues.md")]
pub struct Page;
