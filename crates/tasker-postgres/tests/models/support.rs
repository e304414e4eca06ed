//! What the tests of the models share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::json;
use tasker_domain::state::StepState;
use tasker_postgres::PgPool;
use tasker_postgres::models::{ModelError, Moved, NamedStep, NamedTask, NewTask, NewWorkflowStep, Task, WorkflowStep};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// An instant so many minutes after a fixed one.
pub(crate) fn minute(number: i64) -> NaiveDateTime {
    let start = NaiveDate::from_ymd_opt(2025, 7, 1).unwrap().and_hms_opt(12, 0, 0).unwrap();
    start + TimeDelta::minutes(number)
}

pub(crate) async fn named_task(pool: &PgPool) -> NamedTask {
    NamedTask::find_or_create_by_full_name("default", "order", "0.1.0", pool).await.unwrap()
}

pub(crate) async fn task(pool: &PgPool) -> Task {
    Task::create(NewTask::of(&named_task(pool).await, json!({"order": 1})), pool).await.unwrap()
}

pub(crate) async fn step(task: &Task, name: &str, pool: &PgPool) -> WorkflowStep {
    let named_step = NamedStep::find_or_create("default-system", name, pool).await.unwrap();
    WorkflowStep::create(NewWorkflowStep::of(task, &named_step), pool).await.unwrap()
}

/// The original's dummy task: two roots, of which the second has a child and that has another.
pub(crate) async fn dummy(pool: &PgPool) -> (Task, Vec<WorkflowStep>) {
    let task = task(pool).await;
    let mut steps = Vec::new();
    for name in ["step-one", "step-two", "step-three", "step-four"] {
        steps.push(step(&task, name, pool).await);
    }
    for (from, to) in [(1, 2), (2, 3)] {
        steps[from].add_provides_edge(&steps[to], pool).await.unwrap();
    }
    (task, steps)
}

/// Moves a step through these states.
pub(crate) async fn moved(step: &WorkflowStep, states: &[StepState], pool: &PgPool) {
    for state in states {
        assert!(matches!(step.transition_to(*state, (), pool).await.unwrap(), Moved::Done(_)), "to {state}");
    }
}

/// Returns when some session waits for a lock of another.
pub(crate) async fn wait_for_a_lock(pool: &PgPool) {
    let waiting = "SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                   WHERE NOT l.granted AND a.datname = current_database())";
    while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(pool).await.unwrap() {
        tokio::task::yield_now().await;
    }
}

/// The messages of a refused row.
pub(crate) fn messages<T: std::fmt::Debug>(result: Result<T, ModelError>) -> Vec<String> {
    match result {
        Err(ModelError::Invalid(errors)) => errors.full_messages(),
        other => panic!("the row was not refused as invalid: {other:?}"),
    }
}

/// Counts the statements of this thread.
pub(crate) struct Statements {
    seen: Arc<AtomicUsize>,
    _guard: tracing::subscriber::DefaultGuard,
}

struct Counting(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Statements {
    pub(crate) fn counted() -> Self {
        let seen = Arc::new(AtomicUsize::new(0));
        let subscriber = tracing_subscriber::registry().with(Counting(seen.clone()));
        Self { seen, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// How many there were since the last call.
    pub(crate) fn taken(&self) -> usize {
        self.seen.swap(0, Ordering::SeqCst)
    }
}
