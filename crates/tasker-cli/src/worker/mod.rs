//! `tasker worker`.

mod report;
pub(crate) mod templates;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::orchestration::Pulse;
use tasker_core::{Tasker, Work};
use tokio_util::sync::CancellationToken;

use self::report::Report;
use crate::arguments::DatabaseArguments;
use crate::failure::{ExitStatus, Failure};
use crate::handlers::{self, Loaded};
use crate::printing::{to_stderr, visible};
use crate::signals::Requests;

/// How long what runs has to end by itself after the first signal.
const DRAIN_FOR: Duration = Duration::from_secs(20);

/// How long a second signal leaves for handing back.
const HAND_BACK_WITHIN: Duration = Duration::from_secs(1);

/// Connections of a worker: two exchanges, the listener, care for dead workers, and one to spare.
const CONNECTIONS: u32 = 6;

/// Arguments of `tasker worker`.
#[derive(Debug, Args)]
#[command(
    after_help = "The first SIGTERM or Ctrl-C lets what runs end by itself, for up to 20 seconds; then it is told to stop and \
handed back, and another worker tries it again. A second one hands back at once.\n\n\
Exit status: 0 stopped when told, 64 wrong arguments, 65 bad template, 69 no database, 130 stopped at once, before everything \
was handed back."
)]
pub struct WorkerArguments {
    /// Folder with templates, looked through with all folders in it; or a template file
    #[arg(long, required = true, num_args = 1.., value_name = "FOLDER")]
    pub templates: Vec<PathBuf>,
    /// Serve only these queues; without it, every queue
    #[arg(long, num_args = 1.., value_delimiter = ',', value_name = "QUEUE")]
    pub queues: Vec<String>,
    /// Also carry out unfinished tasks of this type that other programs created, such as a Rails application:
    /// NAMESPACE/NAME, NAMESPACE/* or '*'; its template must be among those given
    #[arg(long, num_args = 1.., value_delimiter = ',', value_name = "TYPE", value_parser = adopted)]
    pub adopt: Vec<String>,
    /// How many steps may run at the same time
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub concurrency: u16,
    /// Its name in the list of workers and in the history; without it, host and process
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Print one JSON document per event on standard output instead of lines on standard error
    #[arg(long)]
    pub json: bool,
    /// Say how much was done after each such time in which something was: 10s, 1m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = crate::arguments::duration)]
    pub summary_every: Duration,
    /// Environment whose overlay in the templates counts
    #[arg(long, value_name = "NAME", env = "TASKER_ENV", hide_env_values = true)]
    pub environment: Option<String>,
    /// Take changed templates under versions that tasks were made from (a private PostgreSQL always does)
    #[arg(long)]
    pub allow_redefine: bool,
}

fn adopted(text: &str) -> Result<String, String> {
    let whole = text == "*";
    let parts = text.split_once('/').is_some_and(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
    if whole || parts { Ok(text.to_owned()) } else { Err("write NAMESPACE/NAME, NAMESPACE/* or '*'".to_owned()) }
}

/// Works until told to stop.
pub(crate) async fn run(arguments: WorkerArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    // Everything that can be found wrong without a database is found before one is looked for.
    let loaded = templates::load(&arguments.templates, arguments.environment.as_deref())?;
    let handlers = handlers::built_in(&loaded)?;
    let elsewhere = left_to_others(&loaded, &handlers);
    let database = crate::database::open(database, CONNECTIONS).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut tasker = Tasker::new(database.pool.clone(), handlers)
        .map_err(|error| Failure::coded(ExitStatus::Unavailable, &error))?
        .with_clock(clock.clone())
        .with_pulse(Pulse::WORKER)
        .with_concurrency(usize::from(arguments.concurrency));
    if let Some(name) = &arguments.name {
        tasker = tasker.with_name(name);
    }
    if arguments.allow_redefine || database.is_private {
        tasker = tasker.allowing_redefinition();
    }
    let notice = |text: String| to_stderr(format_args!("{}", visible(&text)));
    templates::register(&tasker, &loaded, notice).await?;
    elsewhere.into_iter().for_each(notice);

    let report = Report::new(arguments.json);
    say_started(&report, &arguments, &loaded, tasker.name());
    let (drain, stop, at_once) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
    let signals = tokio::spawn(watch(
        Requests::listen()?,
        drain.clone(),
        stop.clone(),
        at_once.clone(),
        clock.clone(),
        arguments.json,
    ));
    let mut work = Work::new()
        .of_templates(loaded.iter().map(|one| &one.template))
        .observed_by(&report)
        .drained_by(drain)
        .until(stop);
    if !arguments.adopt.is_empty() {
        work = work.adopting(arguments.adopt.clone());
    }
    if !arguments.queues.is_empty() {
        work = work.in_queues(arguments.queues.clone());
    }
    let done = tokio::select! {
        done = tasker.work(work) => Some(done),
        () = sum_up(&report, clock.as_ref(), arguments.summary_every) => None,
        () = at_once.cancelled() => None,
    };
    signals.abort();
    report.summarise();
    match done {
        Some(Ok(done)) => {
            let attempts = done.executions;
            let document = json!({ "event": "worker_stopped", "attempts": attempts });
            report.say(&format!("stopped; {attempts} {} carried out in all", plural(attempts, "attempt")), document);
            Ok(ExitStatus::Success)
        }
        Some(Err(error)) => Err(Failure::coded(ExitStatus::Unavailable, &error)),
        None => {
            let line = "stopped at once, before everything was handed back; other workers take it over after 15 s";
            report.say(line, json!({ "event": "worker_stopped_at_once" }));
            Ok(ExitStatus::Interrupted)
        }
    }
}

/// Says how much was done, again and again.
async fn sum_up(report: &Report, clock: &dyn Clock, every: Duration) {
    loop {
        clock.sleep(every).await;
        report.summarise();
    }
}

fn say_started(report: &Report, arguments: &WorkerArguments, loaded: &[Loaded], name: &str) {
    let names: Vec<String> = loaded.iter().map(Loaded::name).collect();
    let queues = match arguments.queues.as_slice() {
        [] => "every queue".to_owned(),
        [queue] => format!("queue {queue}"),
        queues => format!("queues {}", queues.join(", ")),
    };
    let steps = arguments.concurrency;
    let mut line =
        format!("worker {name}: {queues}, up to {steps} {} at a time, tasks of", plural(steps.into(), "step"));
    for name in &names {
        line.push_str("\n  ");
        line.push_str(name);
    }
    if !arguments.adopt.is_empty() {
        line.push_str(&format!("\nadopting what other programs create of {}", arguments.adopt.join(", ")));
    }
    let document = json!({
        "event": "worker_started",
        "adopts": arguments.adopt,
        "worker": name,
        "queues": if arguments.queues.is_empty() { None } else { Some(&arguments.queues) },
        "concurrency": steps,
        "templates": names,
    });
    report.say(&line, document);
}

/// A line for each template some of whose steps this worker cannot carry out.
fn left_to_others(loaded: &[Loaded], handlers: &tasker_core::Handlers) -> Vec<String> {
    let lines = loaded.iter().filter_map(|one| {
        let missing = handlers::missing(handlers, &one.template);
        if missing.is_empty() {
            return None;
        }
        let names = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        Some(format!("{}: steps with the handler {names} are left to programs that have it", one.name()))
    });
    lines.collect()
}

/// Tells the worker to drain at the first signal, to stop when that takes too long or at the second, and ends it at once
/// when that does not help.
async fn watch(
    mut requests: Requests,
    drain: CancellationToken,
    stop: CancellationToken,
    at_once: CancellationToken,
    clock: Arc<dyn Clock>,
    json: bool,
) {
    let say = |line: &str| {
        if !json {
            to_stderr(format_args!("{line}"));
        }
    };
    requests.next().await;
    drain.cancel();
    say("told to stop: what runs may end by itself for up to 20 s; once more, and it is handed back at once");
    tokio::select! {
        () = clock.sleep(DRAIN_FOR) => {
            stop.cancel();
            say("20 s have passed: what still runs is told to stop and handed back");
            requests.next().await;
        }
        () = requests.next() => stop.cancel(),
    }
    clock.sleep(HAND_BACK_WITHIN).await;
    at_once.cancel();
}

fn plural(number: u64, noun: &str) -> String {
    if number == 1 { noun.to_owned() } else { format!("{noun}s") }
}
