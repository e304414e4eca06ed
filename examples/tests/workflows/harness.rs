//! Runs a definition with handlers and says what became of it.
//!
//! This is the one file that knows what carries a task out: here a small executor in memory, without a database, whose
//! clock jumps to the next retry.

use std::collections::HashMap;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime};
use tasker_core::clock::Clock;
use tasker_core::step_handler::{
    AncestorResults, DynStepHandler, ErrorKind, Output, SharedHandler, StepContext, StepError, Wait,
};
use tasker_domain::context::ContextCheck;
use tasker_domain::json::Json;
use tasker_domain::template::{Source, StepTemplate, Style, Template, parse};
use tasker_examples::bound::Handlers;

/// What became of a request.
pub enum Ended {
    /// The context does not fit: one text per violation.
    Refused(Vec<String>),
    Ran(Report),
}

pub struct Report {
    /// State of the task.
    pub state: String,
    /// In the template's order.
    pub steps: Vec<StepReport>,
    /// Every attempt in the order of their beginnings.
    pub attempts: Vec<Attempt>,
}

pub struct StepReport {
    pub name: String,
    pub state: String,
    pub attempts: u32,
    /// To-states in order, without the pending row that may stand first.
    pub transitions: Vec<String>,
    pub results: Option<Json>,
}

/// One call of a handler, as the handler's side saw it.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub step: String,
    pub started: Duration,
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

/// A clock that only the executor moves.
#[derive(Debug, Default)]
struct SteppedClock {
    elapsed: Mutex<Duration>,
}

impl Clock for SteppedClock {
    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }

    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // The clock stands still while a handler runs, so a time limit is never reached.
        Box::pin(std::future::pending())
    }

    fn wall_time(&self) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2024, 5, 17).unwrap().and_hms_opt(8, 30, 0).unwrap() + self.elapsed()
    }
}

/// Notes what every call of the handler within came to.
struct Recorded {
    handler: SharedHandler,
    attempts: Arc<Mutex<Vec<Attempt>>>,
}

impl DynStepHandler for Recorded {
    fn process_boxed(&self, step: StepContext) -> Pin<Box<dyn Future<Output = Result<Output, StepError>> + Send + '_>> {
        Box::pin(async move {
            let (name, started) = (step.step_name().to_owned(), step.clock().elapsed());
            let outcome = self.handler.process_boxed(step).await;
            let noted = outcome.as_ref().map(|_| ()).map_err(StepError::clone);
            self.attempts.lock().unwrap().push(Attempt { step: name, started, outcome: noted });
            outcome
        })
    }

    fn process_results_boxed(&self, step: &StepContext, output: Output, initial: &Output) -> Result<Output, StepError> {
        self.handler.process_results_boxed(step, output, initial)
    }
}

/// Carries out one task of the template with the context (JSON text).
pub async fn run(template: &Template, context: &str, handlers: Handlers) -> Ended {
    let context = match checked_context(template, context) {
        Ok(context) => context,
        Err(violations) => return Ended::Refused(violations),
    };
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let handlers: HashMap<&str, SharedHandler> = handlers
        .into_iter()
        .map(|(name, handler)| (name, Arc::new(Recorded { handler, attempts: attempts.clone() }) as SharedHandler))
        .collect();
    let mut task = Task::new(template, context);
    task.work_to_the_end(&handlers).await;
    let attempts = attempts.lock().unwrap().clone();
    task.report(attempts)
}

struct Task<'t> {
    template: &'t Template,
    context: Arc<Output>,
    steps: Vec<Step>,
    completed: Arc<Completed>,
    clock: Arc<SteppedClock>,
}

/// Results of completed steps by name.
#[derive(Default)]
struct Completed(Mutex<HashMap<String, Output>>);

impl AncestorResults for Completed {
    fn fetch<'a>(
        &'a self,
        _task_id: i64,
        step_name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Output>, StepError>> + Send + 'a>> {
        let found = self.0.lock().unwrap().get(step_name).cloned();
        Box::pin(std::future::ready(Ok(found)))
    }
}

#[derive(Clone)]
struct Step {
    state: &'static str,
    attempts: u32,
    /// When a failed step may run again; nothing once it is dead.
    due: Option<Duration>,
    transitions: Vec<&'static str>,
    results: Output,
}

impl Step {
    fn goes_to(&mut self, state: &'static str) {
        self.state = state;
        self.transitions.push(state);
    }
}

impl<'t> Task<'t> {
    fn new(template: &'t Template, context: Output) -> Self {
        let step = Step { state: "pending", attempts: 0, due: None, transitions: Vec::new(), results: Output::empty() };
        Self {
            template,
            context: Arc::new(context),
            steps: vec![step; template.steps.len()],
            completed: Arc::default(),
            clock: Arc::default(),
        }
    }

    async fn work_to_the_end(&mut self, handlers: &HashMap<&str, SharedHandler>) {
        loop {
            let now = self.clock.elapsed();
            let ready: Vec<usize> = (0..self.steps.len()).filter(|place| self.is_ready(*place, now)).collect();
            if !ready.is_empty() {
                for place in ready {
                    self.attempt(place, handlers).await;
                }
                continue;
            }
            let Some(due) = self.steps.iter().filter_map(|step| step.due).min() else {
                return;
            };
            *self.clock.elapsed.lock().unwrap() = due;
        }
    }

    fn is_ready(&self, place: usize, now: Duration) -> bool {
        let step = &self.steps[place];
        let startable = match step.state {
            "pending" => true,
            "error" => step.due.is_some_and(|due| due <= now),
            _ => false,
        };
        startable && self.template.steps[place].parents.iter().all(|parent| self.steps[*parent].state == "complete")
    }

    async fn attempt(&mut self, place: usize, handlers: &HashMap<&str, SharedHandler>) {
        let template = &self.template.steps[place];
        let handler = handlers
            .get(template.handler_class.as_str())
            .unwrap_or_else(|| panic!("nobody handles `{}` of step `{}`", template.handler_class, template.name));
        let step = &mut self.steps[place];
        if step.state == "error" {
            step.goes_to("pending");
        }
        step.goes_to("in_progress");
        step.attempts += 1;
        let view = self.view(place);
        let initial = self.steps[place].results.clone();
        let outcome = match handler.process_boxed(view.clone()).await {
            Ok(output) => handler.process_results_boxed(&view, output, &initial),
            Err(error) => Err(error),
        };
        let now = self.clock.elapsed();
        let step = &mut self.steps[place];
        match outcome {
            Ok(results) => {
                self.completed.0.lock().unwrap().insert(template.name.clone(), results.clone());
                step.results = results;
                step.due = None;
                step.goes_to("complete");
            }
            Err(error) => {
                let dead = error.kind() == ErrorKind::Permanent || step.attempts >= template.attempts_allowed();
                step.due = (!dead).then(|| now + wait_after(&error, step.attempts));
                let stored = serde_json::json!({ "error": error.message(), "error_class": error.class() });
                step.results = Output::from(stored);
                step.goes_to("error");
            }
        }
    }

    fn view(&self, place: usize) -> StepContext {
        let StepTemplate { name, handler_class, handler_config, parents, retry_limit, .. } =
            &self.template.steps[place];
        let parents = parents
            .iter()
            .map(|parent| (self.template.steps[*parent].name.clone(), Arc::new(self.steps[*parent].results.clone())));
        let version = self.template.version.to_string();
        StepContext::builder(name)
            .task((17, &self.template.namespace, &self.template.name, &version))
            .context(self.context.clone())
            .step_id(i64::try_from(place).unwrap() + 100)
            .handler_class(handler_class.clone())
            .handler_config(handler_config.clone())
            .attempt(self.steps[place].attempts)
            .retry_limit(*retry_limit)
            .previous_results(self.steps[place].results.clone())
            .parents(parents.collect())
            .ancestors(Some(self.completed.clone()))
            .clock(self.clock.clone())
            .build()
    }

    fn report(self, attempts: Vec<Attempt>) -> Ended {
        let complete = self.steps.iter().all(|step| step.state == "complete");
        let steps = self.steps.iter().zip(&self.template.steps).map(|(step, template)| StepReport {
            name: template.name.clone(),
            state: step.state.to_owned(),
            attempts: step.attempts,
            transitions: step.transitions.iter().map(|state| (*state).to_owned()).collect(),
            results: (step.attempts > 0).then(|| Json::parse(step.results.get()).unwrap()),
        });
        let state = if complete { "complete" } else { "error" };
        Ended::Ran(Report { state: state.to_owned(), steps: steps.collect(), attempts })
    }
}

/// R-12 without chance: the wait asked for, capped at 300 s, and never less than min(2^k, 30) s after failure k.
fn wait_after(error: &StepError, failures: u32) -> Duration {
    let plain = 2_u64.saturating_pow(failures).min(30);
    let table = [1, 2, 4, 8, 16, 32];
    let requested = match error.wait() {
        Wait::Default => 0,
        Wait::Requested(wait) => wait.as_secs().min(300),
        Wait::Table => table.get(failures as usize - 1).copied().unwrap_or(u64::from(failures).pow(2).min(300)),
    };
    Duration::from_secs(plain.max(requested))
}

/// Reads a definition, which must be without errors and give rise to so many warnings.
pub fn template(file: &Path, warnings: usize) -> Template {
    let text = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let source = Source::new(file.display().to_string(), text);
    let checked = parse(&source, None).unwrap_or_else(|problems| panic!("{}", problems.render(Style::Plain, 120)));
    assert_eq!(checked.warnings.len(), warnings, "{}", checked.warnings.render(Style::Plain, 120));
    checked.template
}

/// The context with its defaults filled in, or what keeps it from being used.
fn checked_context(template: &Template, context: &str) -> Result<Output, Vec<String>> {
    let context = Json::parse(context).map_err(|error| vec![error.to_string()])?;
    let check = ContextCheck::new(template).unwrap();
    match check.check(&context) {
        Ok(checked) => Ok(Output::json(&checked).unwrap()),
        Err(problems) => {
            let texts = problems.list.iter().map(|violation| format!("{}: {}", violation.pointer, violation.message));
            Err(texts.collect())
        }
    }
}
