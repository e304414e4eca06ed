//! A queue in the memory of this process: for programs that need no more, and for tests.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::error::QueueError;
use super::job::{Delivery, Due, Enqueued, Job};
use super::line::{Line, Moment};
use super::{Consumer, Pending, Queue};
use crate::clock::Clock;

/// For how long jobs are taken unless something else is said.
const LEASE: Duration = Duration::from_secs(60);

/// A queue in memory. What stands in it ends with the process; the tasks stand in the record, and a
/// [sweep](crate::Tasker::sweep) at the next start enqueues them anew. Cheap to clone; clones are the same queue.
///
/// It holds a bounded number of jobs, those that somebody has taken included: who enqueues into a full one waits. It has
/// one timer, for the earliest job, however many wait.
#[derive(Clone)]
pub struct InProcessQueue {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    lease: Duration,
    room: Arc<Semaphore>,
    line: Mutex<Line<OwnedSemaphorePermit>>,
    changed: Notify,
}

/// A job that stood in a queue when it was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOver {
    /// The job.
    pub job: Job,
    /// When it was due; after zero for one that was due already.
    pub due_in: Duration,
}

impl InProcessQueue {
    /// A queue that holds at most so many jobs (at least 1).
    pub fn new(clock: Arc<dyn Clock>, room: usize) -> Self {
        Self::with_lease(clock, room, LEASE)
    }

    /// A queue whose jobs are taken for so long instead of for a minute.
    pub fn with_lease(clock: Arc<dyn Clock>, room: usize, lease: Duration) -> Self {
        let room = Arc::new(Semaphore::new(room.clamp(1, Semaphore::MAX_PERMITS)));
        Self { shared: Arc::new(Shared { clock, lease, room, line: Mutex::default(), changed: Notify::new() }) }
    }

    /// How many jobs it holds, those that somebody has taken included.
    pub fn len(&self) -> usize {
        self.line().len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes nothing in any more, also from those who wait for room, and hands out what it holds, in the order of the instants: what
    /// waited, and what somebody had taken and not acknowledged.
    pub fn close(&self) -> Vec<LeftOver> {
        let now = self.now();
        let mut line = self.line();
        self.shared.room.close();
        let left = line.empty();
        drop(line);
        self.shared.changed.notify_waiters();
        left.into_iter().map(|(job, due)| LeftOver { job, due_in: until(due, now) }).collect()
    }

    fn line(&self) -> MutexGuard<'_, Line<OwnedSemaphorePermit>> {
        // Nobody panics with the lock in hand but for want of memory.
        self.shared.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Moment {
        moment(self.shared.clock.elapsed())
    }

    /// The instant of a job, and now. What lies in the past keeps its place before what came later.
    fn due(&self, due: Due) -> (Moment, Moment) {
        let now = self.now();
        let wall = self.shared.clock.wall_time();
        let due = match due {
            Due::At(instant) if instant < wall => now - moment((wall - instant).to_std().unwrap_or(Duration::ZERO)),
            other => now + moment(other.wait(wall)),
        };
        (due, now)
    }
}

impl Queue for InProcessQueue {
    fn enqueue(&self, job: Job, due: Due) -> Pending<'_, Enqueued> {
        Box::pin(async move {
            job.check()?;
            let (due, now) = self.due(due);
            let merged = if self.shared.room.is_closed() { None } else { self.line().merge(&job, due, now)? };
            let enqueued = match merged {
                Some(enqueued) => enqueued,
                None => {
                    let room = self.shared.room.clone().acquire_owned().await.map_err(|_| QueueError::Closed)?;
                    let mut line = self.line();
                    if self.shared.room.is_closed() {
                        return Err(QueueError::Closed);
                    }
                    // Another of this key may have come while this one waited for room.
                    let now = self.now();
                    match line.merge(&job, due, now)? {
                        Some(enqueued) => enqueued,
                        None => {
                            line.add(job, due, now, room);
                            Enqueued::New
                        }
                    }
                }
            };
            if enqueued != Enqueued::Waits {
                self.shared.changed.notify_waiters();
            }
            Ok(enqueued)
        })
    }
}

impl Consumer for InProcessQueue {
    fn take<'a>(&'a self, queues: &'a [String], most: usize) -> Pending<'a, Vec<Delivery>> {
        Box::pin(async move {
            let now = self.now();
            let mut line = self.line();
            if self.shared.room.is_closed() {
                return Err(QueueError::Closed);
            }
            line.wake(now);
            Ok(line.take(queues, most, now + moment(self.shared.lease)))
        })
    }

    fn acknowledge<'a>(&'a self, delivery: &'a Delivery) -> Pending<'a, bool> {
        Box::pin(async move { Ok(self.line().acknowledge(delivery)) })
    }

    fn put_back<'a>(&'a self, delivery: &'a Delivery, due: Due) -> Pending<'a, bool> {
        Box::pin(async move {
            let (due, now) = self.due(due);
            let put = self.line().put_back(delivery, due, now);
            self.shared.changed.notify_waiters();
            Ok(put)
        })
    }

    fn renew<'a>(&'a self, deliveries: &'a [Delivery]) -> Pending<'a, ()> {
        Box::pin(async move {
            self.line().renew(deliveries, self.now() + moment(self.shared.lease));
            Ok(())
        })
    }

    fn lease(&self) -> Duration {
        self.shared.lease
    }

    fn wait<'a>(
        &'a self,
        queues: &'a [String],
        busy: usize,
        at_most: Option<Duration>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            // From here on nothing is missed.
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let now = self.now();
            let next = {
                let mut line = self.line();
                line.wake(now);
                if line.has_due(queues) || self.shared.room.is_closed() {
                    return;
                }
                line.next().map(|next| until(next, now))
            };
            let next = [next, at_most].into_iter().flatten().min();
            tokio::select! {
                () = changed => {}
                () = self.shared.clock.idle(next, busy) => {}
            }
        })
    }
}

impl fmt::Debug for InProcessQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcessQueue").field("jobs", &self.len()).finish_non_exhaustive()
    }
}

fn moment(duration: Duration) -> Moment {
    // Less than 2^64 seconds of 10^9 nanoseconds: far below 2^127.
    duration.as_nanos() as Moment
}

fn until(due: Moment, now: Moment) -> Duration {
    let nanos = (due - now).max(0);
    Duration::new((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32)
}
