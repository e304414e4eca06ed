//! Working the jobs of a queue.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tasker_domain::code::Coded;
use tasker_postgres::ledger::LedgerError;
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::error::QueueError;
use super::job::{DEFAULT_QUEUE, Delivery, Due};
use super::sweep::{Sweep, Swept};
use super::{Consumer, Queue};
use crate::clock::{Clock, SystemClock};
use crate::error::RunError;
use crate::handle_task::Handled;
use crate::orchestration::Caretaker;
use crate::tasker::Tasker;

/// When a job comes again whose task could not be worked.
const AFTER_ERROR: Duration = Duration::from_secs(30);

/// How long a queue that failed is left alone.
const QUEUE_AGAIN: Duration = Duration::from_secs(1);

/// Which jobs are worked, how many at a time, and until when.
#[derive(Debug)]
pub struct Consume {
    queues: Vec<String>,
    at_a_time: usize,
    sweep: Option<(Sweep, Duration)>,
    drain: CancellationToken,
    stop: CancellationToken,
}

/// What was worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consumed {
    /// Jobs whose task has come to rest.
    pub at_rest: u64,
    /// Jobs that wait again, because their task is not at rest yet.
    pub again: u64,
    /// Jobs whose task could not be worked.
    pub failed: u64,
}

impl Default for Consume {
    fn default() -> Self {
        Self {
            queues: vec![DEFAULT_QUEUE.to_owned()],
            at_a_time: 8,
            sweep: Some((Sweep::new(), Duration::from_secs(60))),
            drain: CancellationToken::new(),
            stop: CancellationToken::new(),
        }
    }
}

impl Consume {
    /// The jobs of queue `tasker`, eight at a time, with a [sweep](Tasker::sweep) at the start and every minute.
    pub fn new() -> Self {
        Self::default()
    }

    /// The jobs of these queues.
    #[must_use]
    pub fn from_queues(mut self, queues: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.queues = queues.into_iter().map(Into::into).collect();
        self
    }

    /// Works so many jobs at a time (at least 1); each of them carries out as many steps as the engine's concurrency says.
    #[must_use]
    pub fn at_a_time(mut self, jobs: usize) -> Self {
        self.at_a_time = jobs.max(1);
        self
    }

    /// Sweeps so at the start and each time this has passed since.
    #[must_use]
    pub fn sweeping(mut self, sweep: Sweep, every: Duration) -> Self {
        self.sweep = Some((sweep, every));
        self
    }

    /// Does not sweep: somebody else does.
    #[must_use]
    pub fn without_sweeping(mut self) -> Self {
        self.sweep = None;
        self
    }

    /// When signalled, takes no more jobs and ends as soon as those at work have ended.
    #[must_use]
    pub fn drained_by(mut self, drain: CancellationToken) -> Self {
        self.drain = drain;
        self
    }

    /// When signalled, stops at once: steps are handed back, their jobs wait again.
    #[must_use]
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }
}

impl Tasker {
    /// Works the jobs of a queue until it is told to stop, or the queue is closed: each task as far as it goes now; then
    /// the job is acknowledged, or waits again for as long as the task does.
    ///
    /// A job whose task is unknown, or was made by another program, is acknowledged; it would never succeed. One whose task
    /// could not be worked for another reason waits for half a minute.
    ///
    /// # Errors
    /// [`QueueError::Database`] when the database refuses what a consumer needs, such as a right. One that is away is
    /// waited for.
    pub async fn consume(&self, queue: &dyn Consumer, consume: Consume) -> Result<Consumed, QueueError> {
        let Consume { queues, at_a_time, sweep, drain, stop } = consume;
        let _caretaker = Caretaker::start(self.care(Vec::new(), Arc::new(Notify::new())));
        let sweep_every = sweep.as_ref().map_or(Duration::MAX, |(_, every)| *every);
        let (mut resting_sweep, mut sweep_at) = (sweep.map(|(sweep, _)| sweep), self.clock.elapsed());
        let mut sweeping: Option<Sweeping<'_>> = None;
        let mut at_work = AtWork {
            tasker: self,
            queue,
            running: JoinSet::new(),
            jobs: HashMap::new(),
            consumed: Consumed::default(),
        };
        let mut renew_at = Duration::ZERO;
        let mut end: Option<Result<(), QueueError>> = None;
        loop {
            // Asked here and not below alone: under load some job has always ended.
            if end.is_none() && (stop.is_cancelled() || drain.is_cancelled()) {
                end = Some(Ok(()));
            }
            if !at_work.jobs.is_empty() && self.clock.elapsed() >= renew_at {
                renew_at = self.clock.elapsed() + queue.lease() / 3;
                at_work.renew().await;
            }
            let room = if end.is_none() { at_a_time - at_work.jobs.len() } else { 0 };
            let mut rests = false;
            if at_work.jobs.is_empty() {
                renew_at = self.clock.elapsed() + queue.lease() / 3;
            }
            if room > 0 {
                match queue.take(&queues, room).await {
                    Ok(deliveries) => {
                        deliveries.into_iter().for_each(|delivery| at_work.start(delivery, &stop));
                    }
                    Err(QueueError::Closed) => end = Some(Ok(())),
                    Err(QueueError::Database(error)) if lasts(&error) => end = Some(Err(error.into())),
                    Err(error) => {
                        tracing::warn!(%error, code = %error.code(), "no jobs could be taken; that is tried again");
                        rests = true;
                    }
                }
            }
            if let Some(ended) = &mut end
                && at_work.jobs.is_empty()
            {
                return std::mem::replace(ended, Ok(())).map(|()| at_work.consumed);
            }
            let now = self.clock.elapsed();
            if end.is_none()
                && now >= sweep_at
                && let Some(sweep) = resting_sweep.take()
            {
                sweeping = Some(begin(self, queue, sweep));
            }
            let busy = at_work.jobs.len();
            let has_room = end.is_none() && busy < at_a_time;
            let until_sweep = resting_sweep.is_some().then(|| sweep_at.saturating_sub(now));
            let real = SystemClock::new();
            tokio::select! {
                biased;
                () = stop.cancelled(), if end.is_none() => {}
                () = drain.cancelled(), if end.is_none() => {}
                Some((sweep, result)) = under_way(&mut sweeping), if sweeping.is_some() => {
                    sweeping = None;
                    match result {
                        Ok(Swept { enqueued: 0, .. }) => {}
                        Ok(swept) => tracing::info!(tasks = swept.enqueued, "tasks had no wake-up; they have one now"),
                        Err(error) => tracing::warn!(%error, code = %error.code(), "not swept to the end; the next sweep goes on"),
                    }
                    resting_sweep = Some(sweep);
                    sweep_at = self.clock.elapsed().saturating_add(sweep_every);
                }
                Some(ended) = at_work.running.join_next_with_id(), if busy > 0 => at_work.settle(ended).await,
                () = self.clock.deadline(renew_at.saturating_sub(now)), if busy > 0 => {}
                // Outages pass in real time, whatever clock the rest works by.
                () = real.sleep(QUEUE_AGAIN), if rests => {}
                () = queue.wait(&queues, busy, until_sweep), if has_room && !rests => {}
            }
        }
    }
}

/// A sweep that is under way; it comes back with what it found.
type Sweeping<'a> = Pin<Box<dyn Future<Output = (Sweep, Result<Swept, QueueError>)> + Send + 'a>>;

fn begin<'a>(tasker: &'a Tasker, queue: &'a dyn Consumer, mut sweep: Sweep) -> Sweeping<'a> {
    Box::pin(async move {
        let result = tasker.sweep(queue as &dyn Queue, &mut sweep).await;
        (sweep, result)
    })
}

async fn under_way(sweeping: &mut Option<Sweeping<'_>>) -> Option<(Sweep, Result<Swept, QueueError>)> {
    match sweeping {
        Some(sweeping) => Some(sweeping.await),
        None => None,
    }
}

/// Whether an error of the database will be the same the next time.
fn lasts(error: &LedgerError) -> bool {
    let others = matches!(error, LedgerError::Contended(_) | LedgerError::Held(_) | LedgerError::Busy(_));
    !others && !error.may_pass()
}

/// The jobs that are being worked.
struct AtWork<'a> {
    tasker: &'a Tasker,
    queue: &'a dyn Consumer,
    running: JoinSet<Result<Handled, RunError>>,
    jobs: HashMap<Id, Delivery>,
    consumed: Consumed,
}

impl AtWork<'_> {
    fn start(&mut self, delivery: Delivery, stop: &CancellationToken) {
        let (tasker, task_id, stop) = (self.tasker.clone(), delivery.job.task_id, stop.clone());
        let running = self.running.spawn(async move { tasker.handle_task(task_id, stop).await });
        self.jobs.insert(running.id(), delivery);
    }

    /// Does with a job what became of its task.
    async fn settle(&mut self, ended: Result<(Id, Result<Handled, RunError>), JoinError>) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, Ok(outcome)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some(delivery) = self.jobs.remove(&id) else {
            tracing::error!("a job ended that nobody had begun");
            return;
        };
        let task_id = delivery.job.task_id;
        let due = match outcome {
            Ok(Ok(handled)) => {
                let count = if handled.due().is_some() { &mut self.consumed.again } else { &mut self.consumed.at_rest };
                *count += 1;
                handled.due()
            }
            Ok(Err(error)) => {
                self.consumed.failed += 1;
                let hopeless = matches!(error, RunError::UnknownTask { .. } | RunError::ForeignTask { .. });
                tracing::warn!(%error, code = %error.code(), task_id, hopeless, "the task of a job could not be worked");
                (!hopeless).then_some(Due::In(AFTER_ERROR))
            }
            Err(error) => {
                self.consumed.failed += 1;
                tracing::error!(%error, task_id, "the work on the task of a job broke off");
                Some(Due::In(AFTER_ERROR))
            }
        };
        let settled = match due {
            None => self.queue.acknowledge(&delivery).await,
            Some(due) => self.queue.put_back(&delivery, due).await,
        };
        match settled {
            Ok(true) => {}
            Ok(false) => tracing::debug!(task_id, "the job had gone to somebody else before it was settled"),
            // Its lease ends by itself.
            Err(error) => {
                tracing::warn!(%error, code = %error.code(), task_id, "a job could not be settled; it comes again");
            }
        }
    }

    /// Says of all jobs that they are still worked.
    async fn renew(&self) {
        let deliveries: Vec<Delivery> = self.jobs.values().cloned().collect();
        if let Err(error) = self.queue.renew(&deliveries).await {
            tracing::warn!(%error, code = %error.code(), "the leases of jobs were not renewed; they may come twice");
        }
    }
}
