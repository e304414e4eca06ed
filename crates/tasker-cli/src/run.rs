//! `tasker run`.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use tasker_core::clock::{Clock, SystemClock};
use tasker_core::{Ending, Handlers, Run, RunError, TaskReport, Tasker};
use tasker_domain::code::Code;
use tasker_domain::template::Template;
use tokio_util::sync::CancellationToken;

use crate::arguments::{DatabaseArguments, RunArguments};
use crate::command_line::{holds_no_secret, program, quoted};
use crate::database;
use crate::failure::{ExitStatus, Failure};
use crate::feed::{Feed, Order};
use crate::handlers::{self, Loaded};
use crate::printing::{to_stderr, unless_closed, visible};
use crate::signals::Requests;
use crate::view::{self, Change, Environment, Look, Mode, NextStep, StopReason, TaskEnd};

/// Steps of a scripted run cost nothing, so more of them may be on their way.
const SCRIPTED_CONCURRENCY: usize = 256;

/// Steps of a real run that may be on their way at the same time.
const CONCURRENCY: usize = 32;

pub(crate) async fn run(
    arguments: RunArguments,
    database_arguments: &DatabaseArguments,
) -> Result<ExitStatus, Failure> {
    // Everything that can be found wrong without a database is found before one is looked for.
    let template = crate::template::load(&arguments.template, arguments.environment.as_deref())?.template;
    let context = crate::context::read(&arguments.context)?;
    let loaded = Loaded { file: arguments.template.clone(), template };
    let handlers = handlers(&arguments, &loaded)?;
    let template = loaded.template;
    handlers.check(&template).map_err(|missing| no_handler(&missing))?;
    if arguments.resume.is_none() {
        crate::context::check(&template, &context)?;
    }

    let database = database::open(database_arguments, 4).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let concurrency = match (arguments.concurrency, &arguments.outcomes) {
        (Some(concurrency), _) => usize::from(concurrency),
        (None, Some(_)) => SCRIPTED_CONCURRENCY,
        (None, None) => CONCURRENCY,
    };
    let mut tasker = Tasker::new(database.pool.clone(), handlers)
        .map_err(|error| Failure::coded(ExitStatus::Unavailable, &error))?
        .with_clock(clock.clone())
        .with_concurrency(concurrency);
    if arguments.allow_redefine || database.is_private {
        tasker = tasker.allowing_redefinition();
    }

    let order = Order::of(&template)?;
    let model = order.model(&template)?;
    let environment = Environment::read(|name| std::env::var_os(name));
    let mode = Mode::choose(std::io::stderr().is_terminal(), arguments.json, &environment);
    let look = Look::choose(std::io::stderr().is_terminal(), &environment);
    let feed = Feed::new(view::Progress::new(model, mode, look), order, clock.clone());
    if let Some(task_id) = arguments.resume
        && let Some(record) = tasker
            .ledger()
            .task_record(task_id)
            .await
            .map_err(|error| Failure::coded(ExitStatus::Unavailable, &error))?
        && record.task.definition.as_ref().is_some_and(|(_, hash)| *hash == template.content_hash())
    {
        feed.resumed(&record);
    }
    let stop = CancellationToken::new();
    let at_once = CancellationToken::new();
    let requests = Requests::listen()?;
    let signals = tokio::spawn(watch(requests, stop.clone(), at_once.clone(), arguments.timeout, clock.clone()));
    let ticking = feed.tick();
    let notice = |text: &str| feed.apply(&Change::Notice { text: text.to_owned(), at: feed.elapsed() });
    let run = match arguments.resume {
        None => Run::new(&template, context).asked_by(&crate::operate::user(), "tasker-cli", "tasker run"),
        Some(task_id) => Run::resume(&template, task_id),
    };
    let run = run.observed_by(feed.as_ref()).with_notices(&notice).until(stop.clone());
    let done = tokio::select! {
        done = tasker.start(run) => Some(done),
        () = at_once.cancelled() => None,
    };
    if let Some(ticking) = ticking {
        ticking.abort();
    }
    let outcome = Outcome {
        template: &template,
        is_private: database.is_private,
        arguments: &arguments,
        database: database_arguments,
        feed: &feed,
        mode,
        environment,
    };
    let Some(done) = done else {
        return Ok(outcome.close_at_once());
    };
    // Why it was stopped, if it was: the watcher ends only with a reason.
    let stopped = if stop.is_cancelled() { signals.await.ok() } else { None };
    outcome.close(done, stopped)
}

/// Why a run was stopped.
#[derive(Debug, Clone, Copy)]
enum Stop {
    TimedOut(Duration),
    Interrupted,
}

/// Ends with the first reason to stop; a signal after it asks for the end at once.
async fn watch(
    mut requests: Requests,
    stop: CancellationToken,
    at_once: CancellationToken,
    limit: Option<Duration>,
    clock: Arc<dyn Clock>,
) -> Stop {
    let passed = async {
        match limit {
            Some(limit) => {
                clock.sleep(limit).await;
                limit
            }
            None => std::future::pending().await,
        }
    };
    let reason = tokio::select! {
        limit = passed => Stop::TimedOut(limit),
        () = requests.next() => Stop::Interrupted,
    };
    stop.cancel();
    tokio::spawn(async move {
        requests.next().await;
        at_once.cancel();
    });
    reason
}

fn handlers(arguments: &RunArguments, loaded: &Loaded) -> Result<Handlers, Failure> {
    match &arguments.outcomes {
        Some(file) => {
            let script = crate::outcomes::load(file, &loaded.template)?;
            Ok(Handlers::new().with_fallback(Arc::new(crate::outcomes::Scripted::new(script))))
        }
        None => handlers::built_in(std::slice::from_ref(loaded)),
    }
}

fn no_handler(missing: &tasker_core::registry::MissingHandlers) -> Failure {
    Failure::coded(ExitStatus::Data, missing)
        .advise(
            "`tasker run` knows the handlers `command` and `http`; handlers in Rust are run by a program of your own",
        )
        .advise("to try the definition without its code: --outcomes FILE with the content {}")
}

/// What is needed to say how a run ended.
struct Outcome<'a> {
    template: &'a Template,
    is_private: bool,
    arguments: &'a RunArguments,
    database: &'a DatabaseArguments,
    feed: &'a Feed,
    mode: Mode,
    environment: Environment,
}

impl Outcome<'_> {
    fn close(&self, done: Result<TaskReport, RunError>, stopped: Option<Stop>) -> Result<ExitStatus, Failure> {
        let at = self.feed.elapsed();
        let stop_reason = match stopped {
            Some(Stop::TimedOut(limit)) => (StopReason::TimedOut { limit }, ExitStatus::TimedOut),
            _ => (StopReason::Interrupted, ExitStatus::Interrupted),
        };
        let report = match done {
            Ok(report) => report,
            Err(RunError::StoppedBeforeStart) => {
                self.finish_view();
                return Ok(stop_reason.1);
            }
            Err(error) => {
                let failure = self.failure(&error, stop_reason.1);
                // Before there was a task, nothing was lost.
                if let RunError::Database { task_id: Some(_), error } = &error {
                    self.feed.apply(&Change::RunStopped {
                        reason: StopReason::DatabaseLost { error: error.to_string() },
                        at,
                    });
                }
                self.finish_view();
                return Err(failure);
            }
        };
        let task_id = report.record.task.task_id;
        let ended = match report.ending {
            Ending::Complete => Some(TaskEnd::Complete),
            Ending::Error => Some(TaskEnd::Error),
            Ending::Cancelled => Some(TaskEnd::Cancelled),
            Ending::ResolvedManually => Some(TaskEnd::ResolvedManually),
            Ending::Stopped => None,
        };
        let (status, next) = match ended {
            // The document has said it all.
            Some(TaskEnd::Complete) if self.mode != Mode::Json => (ExitStatus::Success, self.after_success(task_id)),
            Some(end) => (ExitStatus::of(end), Vec::new()),
            None => {
                self.feed.apply(&Change::RunStopped { reason: stop_reason.0, at });
                let next =
                    NextStep { purpose: "To go on where it stopped".to_owned(), command: self.resume_command(task_id) };
                (stop_reason.1, vec![next])
            }
        };
        if let Some(state) = ended
            && !self.feed.with_view(|view| matches!(view.model().phase(), view::Phase::Ended { .. }))
        {
            self.feed.apply(&Change::TaskEnded { state, at });
        }
        // Of a task that was called off it is plain what became of its steps.
        if ended.is_some_and(|end| end != TaskEnd::Cancelled) {
            self.feed.caught_up(&report.record);
        }
        self.finish_view();
        self.print(&report, &next)?;
        Ok(status)
    }

    /// Somebody would not wait until everything was handed back: others take it over after the lease.
    fn close_at_once(&self) -> ExitStatus {
        let at = self.feed.elapsed();
        self.feed.apply(&Change::RunStopped { reason: StopReason::Interrupted, at });
        self.finish_view();
        if let Some(id) = self.feed.with_view(|view| view.model().task_id()) {
            let command = self.resume_command(id);
            to_stderr(format_args!("not everything was handed back; to go on: {}", visible(&command)));
        }
        ExitStatus::Interrupted
    }

    fn finish_view(&self) {
        let now = self.feed.elapsed();
        if let Err(error) = self.feed.with_view(|view| view.finish(now)) {
            tracing::debug!(%error, "the last picture could not be drawn");
        }
    }

    fn print(&self, report: &TaskReport, next: &[NextStep]) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        let written = if self.mode == Mode::Json {
            let written = self.document(report).write(&mut stdout);
            // The document is for programs; how to go on is for people and stands on standard error.
            for step in next {
                to_stderr(format_args!("{}: {}", step.purpose, visible(&step.command)));
            }
            written
        } else {
            let look = Look::choose(std::io::stdout().is_terminal(), &self.environment);
            let now = self.feed.elapsed();
            let columns = view::stdout_columns();
            let lines = self.feed.with_view(|view| {
                let mut lines = view::result_block(view.model(), now, &[], columns, look.charset);
                if report.ending == Ending::Complete {
                    lines.extend(view::results_block(&self.left_by_last_steps(report), columns, look.charset));
                }
                lines.extend(view::next_steps_block(next, look.charset));
                lines
            });
            let mut text = String::new();
            for line in lines {
                text.push_str(&line.render(look.colour));
                text.push('\n');
            }
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        };
        unless_closed(written).map_err(|error| {
            Failure::of(ExitStatus::Unavailable, Code::OUTPUT, format!("the result cannot be written: {error}"))
        })
    }

    /// Names and results of the steps that no other waits for: what the task was run for.
    fn left_by_last_steps<'r>(&self, report: &'r TaskReport) -> Vec<(&'r str, &'r str)> {
        let steps = &self.template.steps;
        let waited_for: std::collections::HashSet<usize> =
            steps.iter().flat_map(|step| step.parents.iter().copied()).collect();
        let last: std::collections::HashSet<&str> = steps
            .iter()
            .enumerate()
            .filter(|(place, _)| !waited_for.contains(place))
            .map(|(_, step)| step.name.as_str())
            .collect();
        let records = report.record.steps.iter().filter(|step| last.contains(step.name.as_str()));
        records.map(|step| (step.name.as_str(), step.results.get())).collect()
    }

    /// Where to go after a task is complete.
    fn after_success(&self, task_id: i64) -> Vec<NextStep> {
        let next = |purpose: &str, command: String| NextStep { purpose: purpose.to_owned(), command };
        let mut steps = vec![next("To read what every step left", format!("{} --json", self.resume_command(task_id)))];
        if self.is_private {
            let query = format!("select * from tasker_workflow_steps where task_id = {task_id}");
            steps.push(next("To look at its rows", format!("{} postgres psql -- -c '{query}'", program())));
        }
        steps
    }

    fn document(&self, report: &TaskReport) -> view::RunReport {
        let task = &report.record.task;
        let by_name: std::collections::HashMap<&str, &tasker_postgres::ledger::StepRecord> =
            report.record.steps.iter().map(|step| (step.name.as_str(), step)).collect();
        let names: Vec<String> =
            self.feed.with_view(|view| view.model().steps().iter().map(|step| step.name.clone()).collect());
        debug_assert_eq!(names.len(), self.feed.order().places.len());
        view::RunReport {
            task: view::TaskReport {
                id: Some(task.task_id),
                namespace: task.namespace.clone(),
                name: task.name.clone(),
                version: task.version.clone(),
                state: task.state.to_string(),
            },
            steps: names
                .iter()
                .filter_map(|name| by_name.get(name.as_str()))
                .map(|step| view::StepReport {
                    name: step.name.clone(),
                    state: step.state.to_string(),
                    attempts: step.attempts,
                    transitions: step.transitions.clone(),
                    results: step.results.clone(),
                })
                .collect(),
            executions: report.executions,
            elapsed: report.elapsed,
        }
    }

    /// What to say of an error; `stopped` is the exit status of a run that was told to stop.
    fn failure(&self, error: &RunError, stopped: ExitStatus) -> Failure {
        match error {
            RunError::Handlers(missing) => no_handler(missing),
            RunError::Schema(_)
            | RunError::Context(_)
            | RunError::UnstorableContext(_)
            | RunError::ContextTooLarge { .. } => Failure::coded(ExitStatus::Data, error),
            RunError::UnknownTask { .. }
            | RunError::ForeignTask { .. }
            | RunError::OtherTemplate { .. }
            | RunError::NotReserved { .. } => Failure::coded(ExitStatus::Data, error),
            RunError::InterruptedBeforeStart { task_id } => {
                Failure::coded(stopped, error).advise(format!("to go on: {}", self.resume_command(*task_id)))
            }
            RunError::Database { error: lost @ tasker_postgres::ledger::LedgerError::Redefinition { .. }, .. } => {
                Failure::coded(ExitStatus::Data, lost).advise(
                    "to take the new content under the same version: --allow-redefine; running tasks keep theirs",
                )
            }
            RunError::Database { task_id: Some(task_id), .. }
            | RunError::Lost { task_id: Some(task_id) }
            | RunError::BeingRun { task_id, .. } => Failure::coded(ExitStatus::Unavailable, error).advise(format!(
                "task {task_id} is in the database as far as it got; to go on: {}",
                self.resume_command(*task_id)
            )),
            _ => Failure::coded(ExitStatus::Unavailable, error),
        }
    }

    /// The command that goes on with a task, as it can be typed again.
    fn resume_command(&self, task_id: i64) -> String {
        let template = self.arguments.template.display().to_string();
        let mut command = format!("{} run {} --resume {task_id}", program(), quoted(&template));
        let mut add = |option: &str, value: String| {
            command.push_str(&format!(" {option} {}", quoted(&value)));
        };
        if let Some(file) = &self.arguments.outcomes {
            add("--outcomes", file.display().to_string());
        }
        if let Some(environment) = &self.arguments.environment {
            add("--environment", environment.clone());
        }
        if let Some(concurrency) = self.arguments.concurrency {
            add("--concurrency", concurrency.to_string());
        }
        if let Some(folder) = &self.database.postgres_bin {
            add("--postgres-bin", folder.display().to_string());
        }
        match &self.database.database_url {
            // It stands in the environment and will do so again.
            Some(url) if std::env::var_os("DATABASE_URL").is_some_and(|set| set.to_str() == Some(url)) => {}
            Some(url) if holds_no_secret(url) => add("--database-url", url.clone()),
            // A password must not appear on the screen.
            Some(_) => command.push_str(" --database-url …"),
            None => {}
        }
        command
    }
}
