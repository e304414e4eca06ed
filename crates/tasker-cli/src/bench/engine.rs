//! A round of the engine: workers of this process, and clients that ask for tasks and wait for their ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tasker_core::clock::Clock;
use tasker_core::orchestration::Pulse;
use tasker_core::{
    Handlers, Inbox, Observer, Output, Progress, Request, RunError, StepContext, StepError, StepHandler, Tasker,
    Work as Working, WorkReport,
};
use tasker_domain::json::Json;
use tasker_postgres::connection::{self, PgConnectOptions};
use tasker_postgres::ledger::{Ended, Registered};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::arguments::Setting;
use super::driver::{Round, Work};
use super::graph::HANDLER;
use super::meter::Meter;
use super::unavailable;
use crate::failure::{ExitStatus, Failure};

/// Connections of a worker: two exchanges, the notifications, the caretaker.
const CONNECTIONS: u32 = 4;

struct Bench(Work);

impl StepHandler for Bench {
    async fn process(&self, _step: StepContext) -> Result<Output, StepError> {
        Ok(Output::raw(self.0.carry_out().await))
    }
}

/// Who waits for which task, or how it ended before anybody waited.
enum Awaited {
    By(oneshot::Sender<(Duration, Ended)>),
    Ended(Duration, Ended),
}

/// The ends of tasks, as the workers tell them.
struct Ends {
    clock: Arc<dyn Clock>,
    by_task: Mutex<HashMap<i64, Awaited>>,
}

impl Ends {
    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Awaited>> {
        // Nothing is left half done under this lock.
        self.by_task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, task_id: i64) -> oneshot::Receiver<(Duration, Ended)> {
        let (sender, receiver) = oneshot::channel();
        let mut by_task = self.lock();
        match by_task.remove(&task_id) {
            Some(Awaited::Ended(at, ended)) => {
                // The receiver is in our hand.
                let _received = sender.send((at, ended));
            }
            _ => _ = by_task.insert(task_id, Awaited::By(sender)),
        }
        receiver
    }
}

impl Observer for Ends {
    fn observe(&self, progress: Progress) {
        let Progress::TaskEnded { task_id, ended } = progress else {
            return;
        };
        let at = self.clock.elapsed();
        let mut by_task = self.lock();
        match by_task.remove(&task_id) {
            // A client that is gone belongs to a round that is being dropped.
            Some(Awaited::By(client)) => _ = client.send((at, ended)),
            _ => _ = by_task.insert(task_id, Awaited::Ended(at, ended)),
        }
    }
}

/// Workers that run, and how tasks are handed to them.
struct Fleet {
    tasker: Tasker,
    inboxes: Vec<Inbox>,
    ends: Arc<Ends>,
    registered: Vec<Registered>,
    drain: CancellationToken,
    workers: JoinSet<Result<WorkReport, RunError>>,
}

/// Runs one round and measures it.
pub(super) async fn round(
    setting: &Arc<Setting>,
    options: &PgConnectOptions,
    work: &Work,
    meter: &Meter<'_>,
) -> Result<Round, Failure> {
    let mut fleet = Fleet::start(setting, options, work).await?;
    fleet.drive(setting, setting.warm_up()).await?;
    meter.forget_peak();
    let before = meter.read().await?;
    let latencies = fleet.drive(setting, setting.tasks).await?;
    let spent = meter.read().await? - before;
    fleet.stop().await?;
    let steps = setting.steps(setting.tasks);
    Ok(Round { steps, elapsed: spent.elapsed, latencies, spent })
}

impl Fleet {
    async fn start(setting: &Setting, options: &PgConnectOptions, work: &Work) -> Result<Self, Failure> {
        let ends = Arc::new(Ends { clock: work.clock.clone(), by_task: Mutex::default() });
        let drain = CancellationToken::new();
        let mut workers = JoinSet::new();
        let mut inboxes = Vec::new();
        let mut registered = Vec::new();
        let mut first = None;
        for number in 0..setting.workers {
            let pool = connection::connect(options.clone(), CONNECTIONS).await.map_err(unavailable)?;
            let handlers = Handlers::new().with(HANDLER, Bench(work.clone()));
            let tasker = Tasker::new(pool, handlers)
                .map_err(unavailable)?
                .with_clock(work.clock.clone())
                .with_concurrency(setting.concurrency)
                .with_pulse(Pulse::WORKER);
            if number == 0 {
                for graph in setting.graphs.iter() {
                    registered.push(tasker.register(&graph.template).await.map_err(unavailable)?);
                }
            }
            let (working, inbox) = Working::new().with_inbox();
            inboxes.push(inbox);
            let (observer, draining, worker) = (ends.clone(), drain.clone(), tasker.clone());
            workers.spawn(async move {
                let observed: Working<'_> = working;
                let report = worker.work(observed.observed_by(&*observer).drained_by(draining)).await;
                worker.ledger().pool().close().await;
                report
            });
            first.get_or_insert(tasker);
        }
        let tasker = first.ok_or_else(|| Failure::data("a bench needs a worker"))?;
        Ok(Self { tasker, inboxes, ends, registered, drain, workers })
    }

    /// Has this many tasks created and carried out; returns how long each took.
    async fn drive(&mut self, setting: &Arc<Setting>, tasks: usize) -> Result<Vec<Duration>, Failure> {
        let next = Arc::new(AtomicUsize::new(0));
        let mut clients = JoinSet::new();
        let (inboxes, registered): (Arc<[Inbox]>, Arc<[Registered]>) =
            (self.inboxes.clone().into(), self.registered.clone().into());
        for _ in 0..setting.in_flight.min(tasks) {
            let client = Client {
                setting: setting.clone(),
                tasker: self.tasker.clone(),
                inboxes: inboxes.clone(),
                registered: registered.clone(),
                ends: self.ends.clone(),
                next: next.clone(),
                tasks,
            };
            clients.spawn(client.run());
        }
        let mut latencies = Vec::with_capacity(tasks);
        loop {
            tokio::select! {
                client = clients.join_next() => match client {
                    Some(Ok(Ok(taken))) => latencies.extend(taken),
                    Some(Ok(Err(failure))) => return Err(failure),
                    Some(Err(error)) => return Err(unavailable(error)),
                    None => return Ok(latencies),
                },
                Some(ended) = self.workers.join_next() => return Err(match ended {
                    Ok(Ok(_)) => unavailable("a worker ended before its tasks"),
                    Ok(Err(error)) => unavailable(error),
                    Err(error) => unavailable(error),
                }),
            }
        }
    }

    async fn stop(mut self) -> Result<(), Failure> {
        self.drain.cancel();
        drop(self.inboxes);
        while let Some(ended) = self.workers.join_next().await {
            ended.map_err(unavailable)?.map_err(unavailable)?;
        }
        Ok(())
    }
}

/// Asks for one task after the other.
struct Client {
    setting: Arc<Setting>,
    tasker: Tasker,
    inboxes: Arc<[Inbox]>,
    registered: Arc<[Registered]>,
    ends: Arc<Ends>,
    next: Arc<AtomicUsize>,
    tasks: usize,
}

impl Client {
    async fn run(self) -> Result<Vec<Duration>, Failure> {
        let mut latencies = Vec::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.tasks {
                return Ok(latencies);
            }
            let asked = self.ends.clock.elapsed();
            let graph = self.setting.graph(number);
            let context = Json::parse(&self.setting.context).map_err(unavailable)?;
            // In a box, so that who only waits for a task's end holds no room for asking: the process's memory is measured.
            let asking = Box::pin(self.tasker.submit_by_way_of(
                &self.inboxes[number % self.inboxes.len()],
                &self.setting.graphs[graph].template,
                &self.registered[graph],
                Request::new(context),
            ));
            let created = asking.await.map_err(unavailable)?;
            let (at, ended) = self.ends.of(created.task_id).await.map_err(unavailable)?;
            if ended != Ended::Complete {
                let message = format!("task {} ended in error, although its handlers cannot fail", created.task_id);
                return Err(Failure::new(ExitStatus::Failed, message));
            }
            latencies.push(at.saturating_sub(asked));
        }
    }
}
