//! A database, a clock far in the future (so that the shared functions, which go by the server's clock, see every wait
//! as not over) and tasks of the original suite's shapes.

use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::json;
use sqlx::PgPool;
use tasker_core::{Handled, Handlers, Request, StepError, Tasker};
use tasker_domain::json::Json;
use tasker_domain::template::Template;
use tasker_postgres::functions::{StepReadiness, TaskExecutionContext};
use tasker_postgres::ledger::StepRecord;
use tasker_testing::shapes::WorkflowShape;
use tasker_testing::{ManualClock, TestDatabase};
use tokio_util::sync::CancellationToken;

use crate::support::Script;

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) clock: ManualClock,
    pub(crate) script: Script,
    pub(crate) tasker: Tasker,
}

impl World {
    pub(crate) async fn new(script: Script) -> Self {
        let database = TestDatabase::with_schema().await;
        let start = NaiveDate::from_ymd_opt(2199, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
        let clock = ManualClock::starting_at(start);
        let tasker = Tasker::new(database.pool().clone(), Handlers::new().with("H", script.clone()))
            .unwrap()
            .with_clock(Arc::new(clock.clone()));
        Self { database, clock, script, tasker }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    pub(crate) async fn submit(&self, template: &Template) -> i64 {
        self.tasker.submit(template, Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id
    }

    /// A task of one of the suite's shapes.
    pub(crate) async fn shaped(&self, shape: &WorkflowShape) -> i64 {
        self.submit(&shape.template("H")).await
    }

    /// One pass.
    pub(crate) async fn pass(&self, task_id: i64) -> Handled {
        self.tasker.handle_task(task_id, CancellationToken::new()).await.unwrap()
    }

    /// Passes until the task rests.
    pub(crate) async fn to_its_end(&self, task_id: i64) -> tasker_domain::state::TaskState {
        loop {
            match self.pass(task_id).await {
                Handled::AtRest { state } => return state,
                Handled::Again { after, .. } => self.clock.advance(after),
            }
        }
    }

    pub(crate) async fn context(&self, task_id: i64) -> TaskExecutionContext {
        TaskExecutionContext::find(self.pool(), task_id).await.unwrap().unwrap()
    }

    pub(crate) async fn readiness(&self, task_id: i64) -> Vec<StepReadiness> {
        StepReadiness::for_task(self.pool(), task_id).await.unwrap()
    }

    pub(crate) async fn state(&self, task_id: i64) -> String {
        self.tasker.ledger().task_overview(task_id).await.unwrap().unwrap().state.to_string()
    }

    pub(crate) async fn steps(&self, task_id: i64) -> Vec<StepRecord> {
        self.tasker.ledger().task_record(task_id).await.unwrap().unwrap().steps
    }

    pub(crate) async fn step(&self, task_id: i64, name: &str) -> StepRecord {
        self.steps(task_id).await.into_iter().find(|step| step.name == name).unwrap()
    }

    /// Whether a step's row says that it was carried out.
    pub(crate) async fn is_processed(&self, step_id: i64) -> bool {
        sqlx::query_scalar("select processed from tasker_workflow_steps where workflow_step_id = $1")
            .bind(step_id)
            .fetch_one(self.pool())
            .await
            .unwrap()
    }
}

/// A script in which these steps fail so often and then succeed.
pub(crate) fn failing(steps: &[(&str, u32)]) -> Script {
    steps.iter().fold(Script::default(), |script, &(step, times)| {
        script.on(step, move |step| {
            if step.attempt() <= times { Err(StepError::failure("as told")) } else { Ok(json!({ "ok": true })) }
        })
    })
}
