//! How much memory a worker has whose steps sleep: `cargo run --release -p tasker-benchmarks --bin worker-memory`.
//!
//! The worker is a process of its own, started by this program on a PostgreSQL cluster in a temporary folder, so that what
//! creates the tasks does not count. Linux only: the peak is read from `/proc`.

use std::error::Error;
use std::process::{Command, ExitCode, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::{Handlers, Request, StepContext, Tasker, Work, handler_fn};
use tasker_domain::json::Json;
use tasker_domain::template::{Source, Template, parse};
use tasker_postgres::cluster::{self, ClusterOptions, Environment};
use tasker_postgres::connection;
use tasker_postgres::schema::{self, Shape};

type Failure = Box<dyn Error>;

/// Steps that sleep, each of a task of its own, and the bytes of each task's context.
const STEPS: usize = 10_000;
const CONTEXT_BYTES: usize = 1_024;

/// Says to the program that it is the worker, and of which database.
const WORKER_OF: &str = "TASKER_WORKER_MEMORY_URL";

/// How often the number of steps that the worker holds is looked at, and for how long.
const LOOK: Duration = Duration::from_millis(200);
const LOOKS: u32 = 600;

const TEMPLATE: &str =
    "{ name: sleeping, task_handler_class: Sleeping, step_templates: [{ name: sleep, handler_class: Sleep }] }";

fn main() -> ExitCode {
    cluster::become_supervisor_if_asked();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(Failure::from).and_then(|runtime| match std::env::var(WORKER_OF) {
        Ok(url) => runtime.block_on(work(&url)),
        Err(_) => runtime.block_on(measure()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The worker: it is killed when it was measured.
async fn work(url: &str) -> Result<(), Failure> {
    let pool = connection::connect(PgConnectOptions::from_str(url)?, 5).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let sleep = handler_fn(move |_step: StepContext| {
        let clock = clock.clone();
        async move {
            clock.sleep(Duration::from_secs(86_400)).await;
            Ok(serde_json::Value::Null)
        }
    });
    let tasker = Tasker::new(pool, Handlers::new().with("Sleep", sleep))?.with_concurrency(STEPS);
    tasker.work(Work::new()).await?;
    Ok(())
}

async fn measure() -> Result<(), Failure> {
    let cluster = cluster::throwaway(&ClusterOptions::from_environment(&Environment::read())).await?;
    let options = cluster.handle().connect_options();
    let pool = connection::connect(options.clone(), 5).await?;
    schema::bootstrap(&pool, Shape::Lean).await?;
    let tasker = Tasker::new(pool.clone(), Handlers::new())?;
    let template: Template = parse(&Source::new("sleeping", TEMPLATE), None)?.template;
    let filler = "x".repeat(CONTEXT_BYTES - r#"{"filler":""}"#.len());
    let context = Json::parse(&format!(r#"{{"filler":"{filler}"}}"#))?;
    tasker.submit_all(&template, vec![Request::new(context); STEPS]).await?;
    let mut worker = Command::new(std::env::current_exe()?)
        .env(WORKER_OF, options.to_url_lossy().as_str())
        .stdin(Stdio::null())
        .spawn()?;
    let peak = peak_when_busy(&tasker, worker.id()).await;
    worker.kill()?;
    worker.wait()?;
    println!(
        "a worker of {STEPS} steps that sleep, contexts of {CONTEXT_BYTES} bytes: {:.1} MB at most",
        peak? as f64 / 1e6
    );
    pool.close().await;
    cluster.stop().await?;
    Ok(())
}

/// The peak of the process's memory in bytes, once it holds all steps.
async fn peak_when_busy(tasker: &Tasker, process: u32) -> Result<u64, Failure> {
    let clock = SystemClock::new();
    let mut held = 0;
    for _ in 0..LOOKS {
        held = tasker.ledger().workers().await?.iter().map(|worker| worker.holds).sum();
        if usize::try_from(held)? == STEPS {
            // What the last call brought is taken apart meanwhile.
            clock.sleep(Duration::from_secs(2)).await;
            let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes: u64 =
                line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no peak is told")?.trim().parse()?;
            return Ok(kilobytes * 1024);
        }
        clock.sleep(LOOK).await;
    }
    Err(format!("the worker held {held} of {STEPS} steps in the end").into())
}
