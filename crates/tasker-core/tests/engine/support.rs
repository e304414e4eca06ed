//! What the tests of this folder share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sqlx::PgPool;
use tasker_core::entropy::Entropy;
use tasker_core::{Handlers, Output, StepContext, StepError, StepHandler, TaskReport, Tasker};
use tasker_domain::json::Json;
use tasker_domain::template::{Source, Template, parse};
use tasker_postgres::ledger::{DefinitionId, NewTask};
use tasker_testing::{ManualClock, TestDatabase};

/// A template of which only the steps are given.
pub(crate) fn template(head: &str, steps: &[(&str, &str)]) -> Template {
    let mut text = format!(
        "name: test\ntask_handler_class: Test\nnamespace_name: tests\nversion: 1.0.0\n{head}\nstep_templates:\n"
    );
    for (name, more) in steps {
        text.push_str(&format!("  - {{ name: {name}, handler_class: H, {more} }}\n"));
    }
    parse(&Source::new("test.yaml", text), None).unwrap_or_else(|problems| panic!("{problems:?}")).template
}

/// a → b, c → d
/// A task that only who names it works.
pub(crate) fn reserved(definition_id: DefinitionId, key: &str) -> NewTask {
    let empty = || Output::from(serde_json::json!({})).into_raw();
    NewTask {
        definition_id,
        context: empty(),
        key: key.to_owned(),
        details: empty(),
        reserved: true,
        run_at: None,
        deadline: None,
    }
}

pub(crate) fn diamond(head: &str) -> Template {
    template(
        head,
        &[("a", ""), ("b", "depends_on_step: a"), ("c", "depends_on_step: a"), ("d", "depends_on_steps: [b, c]")],
    )
}

type Scripted = Box<dyn Fn(&StepContext) -> Result<serde_json::Value, StepError> + Send + Sync>;

/// Carries out steps by closures and remembers what ran.
#[derive(Clone, Default)]
pub(crate) struct Script {
    by_step: Arc<Mutex<HashMap<String, Arc<Scripted>>>>,
    ran: Arc<Mutex<Vec<(String, u32)>>>,
}

impl Script {
    pub(crate) fn on(
        self,
        step: &str,
        act: impl Fn(&StepContext) -> Result<serde_json::Value, StepError> + Send + Sync + 'static,
    ) -> Self {
        self.by_step.lock().unwrap().insert(step.to_owned(), Arc::new(Box::new(act)));
        self
    }

    /// Step and attempt of everything that ran, in order.
    pub(crate) fn ran(&self) -> Vec<(String, u32)> {
        self.ran.lock().unwrap().clone()
    }
}

impl StepHandler for Script {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        self.ran.lock().unwrap().push((step.step_name().to_owned(), step.attempt()));
        let act = self.by_step.lock().unwrap().get(step.step_name()).cloned();
        match act {
            Some(act) => act(&step).map(Output::from),
            None => Ok(Output::from(serde_json::json!({ "ok": true }))),
        }
    }
}

/// A database, a clock and a script.
pub(crate) struct Bench {
    pub(crate) database: TestDatabase,
    pub(crate) clock: ManualClock,
    pub(crate) script: Script,
    entropy: Entropy,
}

impl Bench {
    pub(crate) async fn new(script: Script) -> Self {
        Self {
            database: TestDatabase::with_schema().await,
            clock: ManualClock::default(),
            script,
            entropy: Entropy::seeded(7),
        }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    pub(crate) fn tasker(&self) -> Tasker {
        Tasker::new(self.pool().clone(), Handlers::new().with("H", self.script.clone()))
            .unwrap()
            .with_clock(Arc::new(self.clock.clone()))
            .with_entropy(self.entropy.clone())
    }

    pub(crate) async fn run(&self, template: &Template) -> TaskReport {
        self.tasker().run(template, Json::parse(r#"{"amount": 12.50}"#).unwrap()).await.unwrap()
    }

    /// Nothing is left in the side tables of tasks that have ended.
    pub(crate) async fn assert_side_tables_empty(&self) {
        for table in ["queue", "ready", "later"] {
            let sql = sqlx::AssertSqlSafe(format!("select count(*) from tasker_engine.{table}"));
            let rows: i64 = sqlx::query_scalar(sql).fetch_one(self.pool()).await.unwrap();
            assert_eq!(rows, 0, "rows are left in {table}");
        }
    }
}

/// State, attempts and the states it went into, of each step.
pub(crate) fn steps(report: &TaskReport) -> Vec<(String, String, u32, String)> {
    report
        .record
        .steps
        .iter()
        .map(|step| (step.name.clone(), step.state.to_string(), step.attempts, step.transitions.join(" ")))
        .collect()
}

pub(crate) fn step(name: &str, state: &str, attempts: u32, transitions: &str) -> (String, String, u32, String) {
    (name.to_owned(), state.to_owned(), attempts, transitions.to_owned())
}

/// A worker as it enters the list.
pub(crate) fn worker(name: &str, lease: std::time::Duration) -> tasker_postgres::ledger::NewWorker<'_> {
    tasker_postgres::ledger::NewWorker {
        name,
        lease,
        concurrency: 8,
        task_id: None,
        queues: None,
        handlers: None,
        types: &[],
        templates: None,
    }
}
