//! Runs a definition with handlers on the engine and a real database, under a clock that is moved, and says what became
//! of it. This is the one file that knows how a task is carried out.

use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tasker_core::step_handler::{DynStepHandler, Output, SharedHandler, StepContext, StepError};
use tasker_core::{RunError, TaskReport, Tasker};
use tasker_domain::json::Json;
use tasker_domain::template::{Source, Style, Template, parse};
use tasker_examples::bound::Handlers;
use tasker_testing::ManualClock;
use tasker_testing::database::TestDatabase;

/// What became of a request.
pub enum Ended {
    /// The context does not fit: one text per violation.
    Refused(Vec<String>),
    Ran(Report),
}

pub struct Report {
    pub task_id: i64,
    /// State of the task.
    pub state: String,
    /// In the template's order.
    pub steps: Vec<StepReport>,
    /// Every attempt in the order of their ends.
    pub attempts: Vec<Attempt>,
}

pub struct StepReport {
    pub name: String,
    pub state: String,
    pub attempts: u32,
    /// To-states in order, without the pending row that may stand first.
    pub transitions: Vec<String>,
    /// Nothing for a step that never ran.
    pub results: Option<Json>,
}

/// One call of a handler, as the handler's side saw it.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub step: String,
    /// When it began, by the clock that is moved.
    pub started: Duration,
    /// Places of its beginning and its end among those of all attempts.
    pub began: usize,
    pub ended: usize,
    pub outcome: Result<(), StepError>,
}

impl Report {
    pub fn step(&self, name: &str) -> &StepReport {
        self.steps.iter().find(|step| step.name == name).unwrap_or_else(|| panic!("there is no step `{name}`"))
    }

    pub fn attempts_of(&self, step: &str) -> Vec<&Attempt> {
        self.attempts.iter().filter(|attempt| attempt.step == step).collect()
    }

    /// Whether these were the waits between the attempts of a step, in seconds; says what they were if not.
    ///
    /// Handlers take no time here, so a wait is what lies between two beginnings. Chance may stretch it by a tenth.
    pub fn check_waits(&self, step: &str, expected: &[u64]) -> Result<(), String> {
        let attempts = self.attempts_of(step);
        let waits: Vec<Duration> = attempts.windows(2).map(|pair| pair[1].started - pair[0].started).collect();
        let fits = |(wait, seconds): (&Duration, &u64)| {
            let least = Duration::from_secs(*seconds);
            *wait >= least && *wait <= least + least / 10
        };
        if waits.len() == expected.len() && waits.iter().zip(expected).all(fits) {
            return Ok(());
        }
        Err(format!("{step} waited {waits:?}, not {expected:?} s"))
    }
}

/// Notes what every call of the handler within came to.
struct Recorded {
    handler: SharedHandler,
    notes: Arc<Notes>,
}

#[derive(Default)]
struct Notes {
    places: AtomicUsize,
    attempts: Mutex<Vec<Attempt>>,
}

impl Notes {
    fn next_place(&self) -> usize {
        self.places.fetch_add(1, Ordering::SeqCst)
    }
}

impl DynStepHandler for Recorded {
    fn process_boxed(&self, step: StepContext) -> Pin<Box<dyn Future<Output = Result<Output, StepError>> + Send + '_>> {
        Box::pin(async move {
            let (name, started) = (step.step_name().to_owned(), step.clock().elapsed());
            let began = self.notes.next_place();
            let outcome = self.handler.process_boxed(step).await;
            let noted = outcome.as_ref().map(|_| ()).map_err(StepError::clone);
            let ended = self.notes.next_place();
            let attempt = Attempt { step: name, started, began, ended, outcome: noted };
            self.notes.attempts.lock().unwrap().push(attempt);
            outcome
        })
    }

    fn process_results_boxed(&self, step: &StepContext, output: Output, initial: &Output) -> Result<Output, StepError> {
        self.handler.process_results_boxed(step, output, initial)
    }
}

/// A database and a clock for the runs of one test.
pub struct Bench {
    database: TestDatabase,
    clock: ManualClock,
}

impl Bench {
    pub async fn new() -> Self {
        Self { database: TestDatabase::with_schema().await, clock: ManualClock::default() }
    }

    /// Carries out one task of the template with the context (JSON text).
    pub async fn run(&self, template: &Template, context: &str, handlers: Handlers) -> Ended {
        let notes = Arc::new(Notes::default());
        let mut registry = tasker_core::Handlers::new();
        for (name, handler) in handlers {
            registry = registry.with_shared(name, Arc::new(Recorded { handler, notes: notes.clone() }));
        }
        let tasker =
            Tasker::new(self.database.pool().clone(), registry).unwrap().with_clock(Arc::new(self.clock.clone()));
        let rows_before = self.rows().await;
        match tasker.run(template, Json::parse(context).unwrap()).await {
            Ok(report) => {
                let attempts = notes.attempts.lock().unwrap().clone();
                Ended::Ran(Report::new(report, attempts))
            }
            Err(RunError::Context(problems)) => {
                assert_eq!(self.rows().await, rows_before, "a refused context left rows behind");
                let text = |violation: &tasker_domain::context::Violation| {
                    format!("{}: {}", violation.pointer, violation.message)
                };
                Ended::Refused(problems.list.iter().map(text).collect())
            }
            Err(error) => panic!("{}: {error}", template.name),
        }
    }

    /// How many rows the tables have that a request may write.
    async fn rows(&self) -> i64 {
        sqlx::query_scalar(
            "select (select count(*) from tasker_tasks) + (select count(*) from tasker_workflow_steps)
                  + (select count(*) from tasker_workflow_step_edges) + (select count(*) from tasker_task_transitions)
                  + (select count(*) from tasker_workflow_step_transitions)",
        )
        .fetch_one(self.database.pool())
        .await
        .unwrap()
    }
}

impl Report {
    fn new(report: TaskReport, attempts: Vec<Attempt>) -> Self {
        let record = report.record;
        let steps = record.steps.into_iter().map(|step| StepReport {
            results: (step.attempts > 0).then(|| Json::parse(step.results.get()).unwrap()),
            name: step.name,
            state: step.state.to_string(),
            attempts: step.attempts,
            transitions: step.transitions,
        });
        let (task_id, state) = (record.task.task_id, record.task.state.to_string());
        Self { task_id, state, steps: steps.collect(), attempts }
    }
}

/// Reads a definition, which must be without errors and give rise to so many warnings.
pub fn template(file: &Path, warnings: usize) -> Template {
    let text = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let source = Source::new(file.display().to_string(), text);
    let checked = parse(&source, None).unwrap_or_else(|problems| panic!("{}", problems.render(Style::Plain, 120)));
    assert_eq!(checked.warnings.len(), warnings, "{}", checked.warnings.render(Style::Plain, 120));
    checked.template
}
