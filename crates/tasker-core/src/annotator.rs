//! A hook for notes on a task, called when it is decided what becomes of it (B-ORC-056).

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tasker_domain::json::Json;
use tasker_domain::state::{StepState, TaskState};
use tasker_postgres::ledger::{Ledger, LedgerError, StepRecord, TaskRecord};
use tasker_postgres::models::{AnnotationType, ModelError, NewTaskAnnotation, TaskAnnotation};

use crate::clock::Clock;
use crate::step_handler::StepError;
use crate::tasker::Tasker;

/// How long a hook may take.
pub const ANNOTATE_WITHIN: Duration = Duration::from_secs(30);

/// A note to be stored with a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// Name of its kind (`annotation_types`); made where there is none.
    pub kind: String,
    /// What it says.
    pub value: Json,
}

impl Annotation {
    /// A note of this kind.
    pub fn new(kind: impl Into<String>, value: impl Into<Json>) -> Self {
        Self { kind: kind.into(), value: value.into() }
    }
}

/// A task of which it was decided what becomes of it: it ended, or nothing of it can go on before an instant.
#[derive(Debug, Clone)]
pub struct Finalized {
    /// The task and its steps as they stand.
    pub record: TaskRecord,
}

impl Finalized {
    /// `complete`, `error`, or `pending` where it waits.
    pub fn state(&self) -> TaskState {
        self.record.task.state
    }

    /// The steps that have ended well, by themselves or by a person.
    pub fn processed(&self) -> impl Iterator<Item = &StepRecord> {
        self.record.steps.iter().filter(|step| matches!(step.state, StepState::Complete | StepState::ResolvedManually))
    }
}

/// What a hook gives back.
pub type Annotated<'a> = Pin<Box<dyn Future<Output = Result<Vec<Annotation>, StepError>> + Send + 'a>>;

/// Says what is to be noted with a task. It is called after the commit that decided, once for each decision, by the
/// worker that made it; a worker that dies in between does not call it. It may take [`ANNOTATE_WITHIN`]. What it fails
/// at changes nothing about the task: the failure is logged, and [`Tasker::annotate`] calls it again.
pub trait Annotator: Send + Sync + 'static {
    /// The notes.
    fn annotate(&self, task: Finalized) -> Annotated<'_>;
}

impl<F, Fut> Annotator for F
where
    F: Fn(Finalized) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Vec<Annotation>, StepError>> + Send + 'static,
{
    fn annotate(&self, task: Finalized) -> Annotated<'_> {
        Box::pin(self(task))
    }
}

/// A hook as it is shared.
pub type SharedAnnotator = Arc<dyn Annotator>;

/// Why a task was not annotated. The task itself stands as it was decided.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnotateError {
    /// There is no such task.
    #[error("there is no task {0} in this database")]
    UnknownTask(i64),
    /// Nobody registered a hook for tasks of this type.
    #[error("no annotator is registered for {0}: register one with `Handlers::with_annotator`")]
    NoAnnotator(String),
    /// The hook failed.
    #[error("the annotator failed: {0}")]
    Failed(StepError),
    /// The hook panicked.
    #[error("the annotator panicked")]
    Panicked,
    /// The hook took too long.
    #[error("the annotator took longer than {} s", ANNOTATE_WITHIN.as_secs())]
    TookTooLong,
    /// The task could not be read.
    #[error("the task could not be read: {0}")]
    Unread(#[from] LedgerError),
    /// The notes could not be stored; none of them was.
    #[error("the annotations could not be stored: {0}")]
    Unstored(#[from] ModelError),
}

/// Calls the hook for a task and stores what it says, all of it or nothing.
pub(crate) async fn annotate(
    ledger: &Ledger,
    clock: &dyn Clock,
    annotator: &dyn Annotator,
    task_id: i64,
) -> Result<usize, AnnotateError> {
    let record = ledger.task_record(task_id).await?.ok_or(AnnotateError::UnknownTask(task_id))?;
    let called = AssertUnwindSafe(async { annotator.annotate(Finalized { record }).await }).catch_unwind();
    let notes = tokio::select! {
        ended = called => ended.map_err(|_| AnnotateError::Panicked)?.map_err(AnnotateError::Failed)?,
        () = clock.deadline(ANNOTATE_WITHIN) => return Err(AnnotateError::TookTooLong),
    };
    if notes.is_empty() {
        return Ok(0);
    }
    let stored = notes.len();
    let mut transaction = ledger.pool().begin().await.map_err(LedgerError::from)?;
    for Annotation { kind, value } in notes {
        let kind = AnnotationType::find_or_create(&kind, &mut *transaction).await?;
        TaskAnnotation::create(NewTaskAnnotation::of(task_id, &kind, value), &mut *transaction).await?;
    }
    transaction.commit().await.map_err(LedgerError::from)?;
    Ok(stored)
}

impl Tasker {
    /// Calls the annotator of a task's type again and stores what it says. Returns how many notes those were.
    ///
    /// # Errors
    /// [`AnnotateError`].
    pub async fn annotate(&self, task_id: i64) -> Result<usize, AnnotateError> {
        let task = self.ledger().task_overview(task_id).await?.ok_or(AnnotateError::UnknownTask(task_id))?;
        let annotator = self
            .handlers
            .annotator(&task.namespace, &task.name)
            .ok_or_else(|| AnnotateError::NoAnnotator(format!("{}/{}", task.namespace, task.name)))?;
        annotate(self.ledger(), &*self.clock, &**annotator, task_id).await
    }
}
