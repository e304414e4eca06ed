//! A queue in the database of the record: for programs that want no other service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use sqlx::PgPool;
use tasker_postgres::connection::is_pooled;
use tasker_postgres::jobs::{JOBS_CHANNEL, JobCount, JobOutcome, JobTime, Jobs, NewJob};
use tasker_postgres::ledger::LedgerError;
use tokio::sync::Notify;

use super::error::QueueError;
use super::job::{Delivery, Due, Enqueued, FURTHEST, Job};
use super::{Consumer, Pending, Queue};
use crate::clock::{Clock, SystemClock};
use crate::orchestration::Listener;

/// For how long jobs are taken unless something else is said.
const LEASE: Duration = Duration::from_secs(60);

/// How often a consumer looks that nobody notifies.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long a consumer waits at least that was given nothing of what is due: somebody else holds its row at this moment.
const PAUSE: Duration = Duration::from_millis(50);

/// Jobs that one call puts into the table.
const JOBS_A_CALL: usize = 500;

/// Instants beyond this one count as this one, those before 1970 as its beginning: PostgreSQL's years do not reach as far.
const LAST_INSTANT: NaiveDateTime = NaiveDateTime::new(
    match NaiveDate::from_ymd_opt(9999, 12, 31) {
        Some(day) => day,
        None => NaiveDate::MAX,
    },
    NaiveTime::MIN,
);

/// A queue in schema `tasker_engine`. Its jobs outlive the process; instants and leases go by the database's clock, so the
/// clocks of the consumers' machines do not matter. Any number of processes may enqueue and take. Cheap to clone.
///
/// A consumer that finds nothing is notified of the next job (`LISTEN`, on a connection of its own) and looks once a second
/// besides; behind a transaction pooler it only looks.
#[derive(Clone)]
pub struct PostgresQueue {
    jobs: Jobs,
    clock: Arc<dyn Clock>,
    lease: Duration,
    listens: bool,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    called: Arc<Notify>,
    listener: Mutex<Option<Listener>>,
    /// When something happens by itself, as the last look found, by the clock's elapsed time.
    next: Mutex<Option<Duration>>,
}

impl PostgresQueue {
    /// The queue in a database whose schema stands.
    pub fn new(pool: PgPool) -> Self {
        let listens = !is_pooled(&pool.connect_options());
        Self {
            jobs: Jobs::new(pool),
            clock: Arc::new(SystemClock::new()),
            lease: LEASE,
            listens,
            shared: Arc::default(),
        }
    }

    /// Works by another clock: where it is one that a test moves, jobs and leases go by it, too.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Jobs are taken for so long instead of for a minute.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Does not listen for notifications; consumers look once a second instead.
    #[must_use]
    pub fn without_listening(mut self) -> Self {
        self.listens = false;
        self
    }

    /// How many jobs each queue holds. Reads all of them: for a person, not for a loop.
    ///
    /// # Errors
    /// [`QueueError::Database`].
    pub async fn counts(&self) -> Result<Vec<JobCount>, QueueError> {
        Ok(self.jobs.counts().await?)
    }
}

impl Queue for PostgresQueue {
    fn enqueue(&self, job: Job, due: Due) -> Pending<'_, Enqueued> {
        Box::pin(async move {
            let mut enqueued = self.enqueue_all(vec![(job, due)]).await?;
            enqueued.pop().ok_or_else(|| LedgerError::Inconsistent("a job was not answered".to_owned()).into())
        })
    }

    fn enqueue_all(&self, jobs: Vec<(Job, Due)>) -> Pending<'_, Vec<Enqueued>> {
        Box::pin(async move {
            for (job, _) in &jobs {
                job.check()?;
            }
            let mut all = Vec::with_capacity(jobs.len());
            for batch in jobs.chunks(JOBS_A_CALL) {
                let rows: Vec<NewJob<'_>> = batch
                    .iter()
                    .map(|(job, due)| NewJob {
                        queue: &job.queue,
                        task_id: job.task_id,
                        priority: job.priority,
                        unique_key: job.unique_key.as_deref(),
                        time: time(*due),
                    })
                    .collect();
                let outcomes = self.jobs.enqueue(&rows, self.clock.record_time()).await?;
                for ((job, _), outcome) in batch.iter().zip(outcomes) {
                    all.push(match outcome {
                        JobOutcome::New => Enqueued::New,
                        JobOutcome::BroughtForward => Enqueued::BroughtForward,
                        JobOutcome::Waits => Enqueued::Waits,
                        JobOutcome::KeyOfAnotherTask => {
                            return Err(QueueError::KeyOfAnotherTask {
                                queue: job.queue.clone(),
                                key: job.unique_key.clone().unwrap_or_default(),
                                task_id: job.task_id,
                            });
                        }
                    });
                }
            }
            Ok(all)
        })
    }
}

impl Consumer for PostgresQueue {
    fn take<'a>(&'a self, queues: &'a [String], most: usize) -> Pending<'a, Vec<Delivery>> {
        Box::pin(async move {
            let most = i32::try_from(most).unwrap_or(i32::MAX);
            let taken = self.jobs.take(queues, most, self.lease, self.listens, self.clock.record_time()).await?;
            let next = taken.next.map(|wait| if wait.is_zero() { PAUSE } else { wait });
            let next = next.map(|wait| self.clock.elapsed().saturating_add(wait));
            *self.shared.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
            let deliveries = taken.jobs.into_iter().map(|taken| Delivery {
                job: Job {
                    task_id: taken.task_id,
                    queue: taken.queue,
                    priority: taken.priority,
                    unique_key: taken.unique_key,
                },
                number: taken.job_id,
                time: taken.delivery,
            });
            Ok(deliveries.collect())
        })
    }

    fn acknowledge<'a>(&'a self, delivery: &'a Delivery) -> Pending<'a, bool> {
        Box::pin(async move { Ok(self.jobs.acknowledge(delivery.number, delivery.time).await?) })
    }

    fn put_back<'a>(&'a self, delivery: &'a Delivery, due: Due) -> Pending<'a, bool> {
        Box::pin(async move {
            let now = self.clock.record_time();
            Ok(self.jobs.put_back(delivery.number, delivery.time, time(due), now).await?)
        })
    }

    fn renew<'a>(&'a self, deliveries: &'a [Delivery]) -> Pending<'a, ()> {
        Box::pin(async move {
            let held: Vec<(i64, i32)> = deliveries.iter().map(|delivery| (delivery.number, delivery.time)).collect();
            let kept = self.jobs.renew(&held, self.lease, self.clock.record_time()).await?;
            if kept.len() < held.len() {
                tracing::debug!(lost = held.len() - kept.len(), "jobs went to others before their leases were renewed");
            }
            Ok(())
        })
    }

    fn lease(&self) -> Duration {
        self.lease
    }

    fn wait<'a>(
        &'a self,
        _queues: &'a [String],
        busy: usize,
        at_most: Option<Duration>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            if self.listens {
                let mut listener = self.shared.listener.lock().unwrap_or_else(PoisonError::into_inner);
                listener.get_or_insert_with(|| {
                    Listener::start(self.jobs.pool().clone(), JOBS_CHANNEL, Arc::clone(&self.shared.called))
                });
            }
            let next = *self.shared.next.lock().unwrap_or_else(PoisonError::into_inner);
            let next = next.map(|next| next.saturating_sub(self.clock.elapsed()));
            let wait = [next, at_most].into_iter().flatten().fold(LOOK_AGAIN, Duration::min);
            tokio::select! {
                () = self.shared.called.notified() => {}
                () = self.clock.idle(Some(wait), busy) => {}
            }
        })
    }
}

impl fmt::Debug for PostgresQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresQueue")
            .field("lease", &self.lease)
            .field("listens", &self.listens)
            .finish_non_exhaustive()
    }
}

fn time(due: Due) -> JobTime {
    match due {
        Due::Now => JobTime::In(Duration::ZERO),
        Due::In(wait) => JobTime::In(wait.min(FURTHEST)),
        Due::At(instant) => JobTime::At(instant.clamp(DateTime::UNIX_EPOCH.naive_utc(), LAST_INSTANT)),
    }
}
