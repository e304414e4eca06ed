//! Why a run could not be carried out.

use chrono::NaiveDateTime;
use tasker_domain::context::{ContextProblems, SchemaProblems};
use tasker_domain::request::RequestProblems;
use tasker_postgres::ledger::LedgerError;

use crate::entropy::EntropyError;
use crate::registry::MissingHandlers;

/// A run that could not be begun or finished. A task that ends in error is no such error: it is a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Steps name handlers that nobody registered. Nothing was written.
    #[error(transparent)]
    Handlers(#[from] MissingHandlers),
    /// The template's context schema cannot be used. Nothing was written.
    #[error(transparent)]
    Schema(SchemaProblems),
    /// The context does not satisfy the template's schema. Nothing was written.
    #[error(transparent)]
    Context(ContextProblems),
    /// The context holds something that PostgreSQL cannot store. Nothing was written.
    #[error("the context cannot be stored: {0}")]
    UnstorableContext(String),
    /// The context is too large. Nothing was written.
    #[error(
        "the context has {bytes} bytes, more than the {most} that `execution.max_context_bytes` allows: store the data elsewhere and pass where"
    )]
    ContextTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// Steps were to be bypassed that the template does not have or does not call skippable. Nothing was written.
    #[error(transparent)]
    Bypass(RequestProblems),
    /// The task would be cancelled as soon as it was there. Nothing was written.
    #[error(
        "the deadline {} UTC has passed: it is {} UTC; give a later deadline, or none", to_the_second(.deadline), to_the_second(.now)
    )]
    DeadlinePassed {
        /// What was asked for (UTC).
        deadline: NaiveDateTime,
        /// The instant (UTC) by the engine's clock.
        now: NaiveDateTime,
    },
    /// The task could never be carried out. Nothing was written.
    #[error(
        "the task may not start before {} UTC and has to end by {} UTC; give a deadline that is later than its start", to_the_second(.run_at), to_the_second(.deadline)
    )]
    DeadlineBeforeStart {
        /// When it may start (UTC).
        run_at: NaiveDateTime,
        /// When it has to have ended (UTC).
        deadline: NaiveDateTime,
    },
    /// There is no such task.
    #[error("there is no task {task_id} in this database")]
    UnknownTask {
        /// The id that was asked for.
        task_id: i64,
    },
    /// The task was made by another program and has no definition of ours.
    #[error("task {task_id} was not created by this engine, so it has no stored definition to resume by")]
    ForeignTask {
        /// The task.
        task_id: i64,
    },
    /// The task was made from another content than the template at hand. Resume it with the file it was begun with.
    #[error(
        "task {task_id} was made from another content of {made_from}: resume it with the template it was begun with"
    )]
    OtherTemplate {
        /// The task.
        task_id: i64,
        /// Namespace, name and version of its type.
        made_from: String,
    },
    /// The task is not reserved to whoever names it: workers run it.
    #[error("task {task_id} is run by workers: start one that serves its queue")]
    NotReserved {
        /// The task.
        task_id: i64,
    },
    /// Somebody else runs the task at this moment.
    #[error("task {task_id} is being run by {worker}, which is alive: let it finish, or stop it first")]
    BeingRun {
        /// The task.
        task_id: i64,
        /// The worker's name.
        worker: String,
    },
    /// A task of this identity was there before; nothing was created.
    #[error("task {task_id} has the same identity: nothing was created")]
    Duplicate {
        /// The task that was there.
        task_id: i64,
    },
    /// The worker was silent for its lease, so others have taken its steps over.
    #[error("this worker was not heard of for its lease, so its steps have been taken over")]
    Lost {
        /// The task, if it was created.
        task_id: Option<i64>,
    },
    /// Nothing of the task runs or waits and nobody holds a step, yet it has not ended: its rows were changed from outside.
    #[error(
        "task {task_id} cannot go on: nothing of it is ready, runs or waits for a time; its rows were changed from outside"
    )]
    Stuck {
        /// The task.
        task_id: i64,
    },
    /// The worker that was to create the task ended before it could say that it had. Whether the task was created is not
    /// known unless it has a key of its own: hand it in again under the same key.
    #[error("the worker ended before it had created the task: hand it in again to another worker")]
    WorkerGone,
    /// The run was stopped before it had created anything.
    #[error("stopped before anything was created")]
    StoppedBeforeStart,
    /// The run was stopped while it waited to take the task over.
    #[error("stopped before task {task_id} was taken over")]
    InterruptedBeforeStart {
        /// The task.
        task_id: i64,
    },
    /// The heartbeat could not be started.
    #[error("the heartbeat's thread cannot be started: {0}")]
    Heartbeat(std::io::Error),
    /// The operating system gives no randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The database failed.
    #[error("{error}")]
    Database {
        /// The task, if it is known to have been created: it can be resumed.
        task_id: Option<i64>,
        /// What happened.
        #[source]
        error: LedgerError,
    },
}

fn to_the_second(instant: &NaiveDateTime) -> impl std::fmt::Display {
    instant.format("%Y-%m-%d %H:%M:%S")
}
