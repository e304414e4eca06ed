//! A worker: carries out the steps of all tasks in its queues until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use tasker_domain::code::Coded;
use tasker_domain::template::Template;
use tasker_postgres::connection::is_pooled;
use tasker_postgres::ledger::{NewWorker, Registered, WorkerId};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::enter::Entered;
use crate::error::RunError;
use crate::orchestration::{Asked, Care, Caretaker, Drive, DriveEnd, Goal, Listener, Observer, Pulse, Unobserved};
use crate::tasker::Tasker;

/// Exchanges of one worker that are in flight at the same time; more only make the batches smaller.
const CALLS_AT_A_TIME: usize = 2;

/// Tasks that an inbox holds; who hands in more waits.
const INBOX_ROOM: usize = 1_000;

/// How long a worker whose database is away waits before it tries to enter again.
const ENTER_AGAIN: Duration = Duration::from_secs(1);

/// What a worker works on, who is told, when it stops.
pub struct Work<'a> {
    queues: Option<Vec<String>>,
    templates: Option<Vec<String>>,
    adopts: Vec<String>,
    observer: &'a dyn Observer,
    drain: CancellationToken,
    stop: CancellationToken,
    listens: bool,
    inbox: Option<mpsc::Receiver<Asked>>,
}

/// Creates tasks by way of a worker of this process: they travel with its next exchange, and their first steps come back
/// with its answer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Inbox {
    pub(crate) sender: mpsc::Sender<Asked>,
}

impl Default for Work<'_> {
    fn default() -> Self {
        Self {
            queues: None,
            templates: None,
            adopts: Vec::new(),
            observer: &Unobserved,
            drain: CancellationToken::new(),
            stop: CancellationToken::new(),
            listens: true,
            inbox: None,
        }
    }
}

impl std::fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("queues", &self.queues).finish_non_exhaustive()
    }
}

impl<'a> Work<'a> {
    /// Everything that the handlers can carry out, in every queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves only these queues.
    #[must_use]
    pub fn in_queues(mut self, queues: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.queues = Some(queues.into_iter().map(Into::into).collect());
        self
    }

    /// Carries out only tasks of these templates, each in the version that it has: for handlers that know only those, such
    /// as programs, which are run only from files at hand.
    #[must_use]
    pub fn of_templates<'t>(mut self, templates: impl IntoIterator<Item = &'t Template>) -> Self {
        let named = |template: &Template| format!("{}/{} {}", template.namespace, template.name, template.version);
        self.templates = Some(templates.into_iter().map(named).collect());
        self
    }

    /// Also carries out unfinished tasks of these types that other programs created, such as a Rails application:
    /// `namespace/name`, all of a namespace (`namespace/*`), or all (`*`). They are found within 5 s, and worked by the
    /// newest definition that is registered for their type; tasks whose steps are not those of it are left alone.
    #[must_use]
    pub fn adopting(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.adopts = types.into_iter().map(Into::into).collect();
        self
    }

    /// Also creates the tasks that are handed in at the inbox that comes back.
    #[must_use]
    pub fn with_inbox(mut self) -> (Self, Inbox) {
        let (sender, receiver) = mpsc::channel(INBOX_ROOM);
        self.inbox = Some(receiver);
        (self, Inbox { sender })
    }

    /// Tells somebody what happens, after each commit.
    #[must_use]
    pub fn observed_by(mut self, observer: &'a dyn Observer) -> Self {
        self.observer = observer;
        self
    }

    /// When signalled, claims nothing more and ends as soon as what runs has ended.
    #[must_use]
    pub fn drained_by(mut self, drain: CancellationToken) -> Self {
        self.drain = drain;
        self
    }

    /// When signalled, stops at once: what runs is cancelled and handed back.
    #[must_use]
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// Does not listen for notifications; it looks once a second instead. So it is anyway where the database's URL says
    /// that a transaction pooler is before it, which cannot carry them.
    #[must_use]
    pub fn without_listening(mut self) -> Self {
        self.listens = false;
        self
    }
}

/// What a worker has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkReport {
    /// Attempts that it carried out.
    pub executions: u64,
    /// How often it was taken for dead and entered anew.
    pub reentries: u32,
}

impl Tasker {
    /// Makes a template known to the database, so that tasks can be made from it and workers carry them out. The same
    /// content again changes nothing.
    ///
    /// # Errors
    /// [`RunError::Database`] with [`Redefinition`](tasker_postgres::ledger::LedgerError::Redefinition) when tasks were made from another content of this
    /// version.
    pub async fn register(&self, template: &Template) -> Result<Registered, RunError> {
        Ok(self.ledger().register(template, self.allow_redefine).await?)
    }

    /// Carries out steps of all tasks in its queues until it is told to stop. A database that goes away is waited for;
    /// finished results are kept and handed in when it is back, if the claims still hold.
    ///
    /// # Errors
    /// [`RunError::Database`] when the database refuses what a worker needs, such as a right.
    pub async fn work(&self, mut work: Work<'_>) -> Result<WorkReport, RunError> {
        let mut report = WorkReport::default();
        let called = Arc::new(Notify::new());
        let listens = work.listens && !is_pooled(&self.ledger().pool().connect_options());
        let _listener = listens.then(|| Listener::start(self.ledger().pool().clone(), called.clone()));
        let _caretaker = Caretaker::start(Care {
            ledger: self.ledger().clone(),
            entropy: self.entropy.clone(),
            clock: self.clock.clone(),
            label: self.label.clone(),
            types: work.adopts.clone(),
            called: called.clone(),
            every: self.worker_pulse().lease / 5,
        });
        loop {
            let Some(worker_id) = self.enter(&work).await? else {
                return Ok(report);
            };
            let end = self.work_as(worker_id, &mut work, &called).await?;
            match end {
                DriveEnd::Stopped { executions, .. } => {
                    report.executions += executions;
                    self.leave(worker_id).await;
                    return Ok(report);
                }
                DriveEnd::Lost { .. } => {
                    tracing::warn!(worker_id, "not heard of for its lease: the worker enters anew");
                    report.reentries += 1;
                }
                DriveEnd::Failed { task_id, error } => return Err(RunError::Database { task_id, error }),
                DriveEnd::Ended { .. }
                | DriveEnd::Rests { .. }
                | DriveEnd::Duplicate { .. }
                | DriveEnd::Stuck { .. } => {
                    unreachable!("a worker of everything works no single task")
                }
            }
        }
    }

    /// The rhythm in which a worker is heard of.
    pub(crate) fn worker_pulse(&self) -> Pulse {
        self.pulse.unwrap_or(Pulse::WORKER)
    }

    /// Enters the list of workers; nothing when it was told to stop before the database let it in.
    async fn enter(&self, work: &Work<'_>) -> Result<Option<WorkerId>, RunError> {
        let handlers: Option<Vec<String>> =
            (!self.handlers.has_fallback()).then(|| self.handlers.names().map(str::to_owned).collect());
        let entry = NewWorker {
            name: &self.label,
            lease: self.worker_pulse().lease,
            concurrency: self.concurrency,
            task_id: None,
            queues: work.queues.as_deref(),
            handlers: handlers.as_deref(),
            types: &work.adopts,
            templates: work.templates.as_deref(),
        };
        let real = SystemClock::new();
        loop {
            if work.stop.is_cancelled() || work.drain.is_cancelled() {
                return Ok(None);
            }
            match self.ledger().start_worker(&entry).await {
                Ok(worker_id) => return Ok(Some(worker_id)),
                Err(error) if error.may_pass() => {
                    tracing::warn!(%error, code = %error.code(), "the worker waits for its database");
                    tokio::select! {
                        () = real.sleep(ENTER_AGAIN) => {}
                        () = work.stop.cancelled() => {}
                        () = work.drain.cancelled() => {}
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn work_as(&self, worker_id: WorkerId, work: &mut Work<'_>, called: &Notify) -> Result<DriveEnd, RunError> {
        let Entered { mut worker, heartbeat, lost } = self.entered(worker_id, self.worker_pulse())?;
        let exchanger = self.ledger().exchanger();
        worker.exchanger = Some(exchanger.clone());
        worker.calls_at_a_time = CALLS_AT_A_TIME;
        let drive = Drive {
            create: Vec::new(),
            inbox: work.inbox.as_mut(),
            goal: Goal::Everything,
            observer: work.observer,
            drain: &work.drain,
            stop: &work.stop,
            lost: &lost,
            called,
        };
        let end = worker.drive(drive).await;
        heartbeat.stop();
        drop(worker);
        exchanger.close().await;
        Ok(end)
    }
}
