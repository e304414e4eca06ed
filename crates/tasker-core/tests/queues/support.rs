//! What the tests of this folder share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::PgPool;
use tasker_core::queue::{Due, Enqueued, Job, Pending, Queue, QueueError};
use tasker_core::{Handlers, Output, Request, StepContext, StepError, StepHandler, Tasker};
use tasker_domain::json::Json;
use tasker_domain::template::{Source, Template, parse};
use tasker_testing::{ManualClock, TestDatabase};

/// a → b, c → d
pub(crate) fn diamond() -> Template {
    let text = "name: diamond\ntask_handler_class: Test\nnamespace_name: queues\nversion: 1.0.0\nstep_templates:
  - { name: a, handler_class: H }
  - { name: b, handler_class: H, depends_on_step: a, default_retry_limit: 5 }
  - { name: c, handler_class: H, depends_on_step: a, default_retry_limit: 5 }
  - { name: d, handler_class: H, depends_on_steps: [b, c], default_retry_limit: 5 }\n";
    read("diamond.yaml", text)
}

/// `only`, with these further keys.
pub(crate) fn one_step(keys: &str) -> Template {
    let text = format!(
        "name: one_step\ntask_handler_class: Test\nnamespace_name: queues\nversion: 1.0.0\nstep_templates:\n  - {{ name: only, handler_class: H, {keys} }}\n"
    );
    read("one_step.yaml", &text)
}

fn read(name: &str, text: &str) -> Template {
    parse(&Source::new(name, text.to_owned()), None).unwrap_or_else(|problems| panic!("{problems:?}")).template
}

/// Fails the first attempts of `b` (two) and `c` (one), and tells how often each step was carried out.
#[derive(Clone, Default)]
pub(crate) struct Stumbling {
    ran: Arc<Mutex<HashMap<(i64, String), u32>>>,
}

impl Stumbling {
    pub(crate) fn ran(&self) -> usize {
        self.ran.lock().unwrap().values().map(|times| *times as usize).sum()
    }
}

impl StepHandler for Stumbling {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        *self.ran.lock().unwrap().entry((step.task_id(), step.step_name().to_owned())).or_default() += 1;
        match (step.step_name(), step.attempt()) {
            ("b", 1..=2) | ("c", 1) => Err(StepError::retryable("busy").retry_after(Duration::from_secs(20))),
            _ => Ok(Output::from(serde_json::json!({ "by": step.step_name() }))),
        }
    }
}

/// A database, a clock that is moved, and an engine on both.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) clock: ManualClock,
    pub(crate) tasker: Tasker,
    pub(crate) template: Template,
}

impl World {
    pub(crate) async fn new(handler: impl StepHandler) -> Self {
        let database = TestDatabase::with_schema().await;
        let clock = ManualClock::default();
        let tasker = Tasker::new(database.pool().clone(), Handlers::new().with("H", handler))
            .unwrap()
            .with_clock(Arc::new(clock.clone()));
        Self { database, clock, tasker, template: diamond() }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    /// A task of which no queue knows.
    pub(crate) async fn submit(&self) -> i64 {
        self.tasker.submit(&self.template, empty()).await.unwrap().task_id
    }

    pub(crate) async fn state(&self, task_id: i64) -> String {
        self.tasker.ledger().task_overview(task_id).await.unwrap().unwrap().state.to_string()
    }

    /// How many tasks are complete.
    pub(crate) async fn complete(&self) -> i64 {
        sqlx::query_scalar("select count(*) from tasker_tasks where complete").fetch_one(self.pool()).await.unwrap()
    }

    pub(crate) async fn until_complete(&self, tasks: i64) {
        until(async || self.complete().await == tasks).await;
    }

    /// The workers that there are fall silent: their leases are over.
    pub(crate) async fn silence(&self) {
        sqlx::raw_sql("update tasker_engine.worker set seen_at = seen_at - interval '1 day'")
            .execute(self.pool())
            .await
            .unwrap();
    }
}

pub(crate) fn empty() -> Request {
    Request::new(Json::parse("{}").unwrap())
}

/// Looks until it is so.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let looks = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(100), looks).await.expect("it never came to be so");
}

/// A framework whose queue is away.
pub(crate) struct Away;

impl Queue for Away {
    fn enqueue(&self, _job: Job, _due: Due) -> Pending<'_, Enqueued> {
        Box::pin(async { Err(QueueError::backend("Redis is away")) })
    }
}
