//! What the tests of this folder share: a load of random tasks, worker processes, and the judgement at the end.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::entropy::Entropy;
use tasker_core::events::Published;
use tasker_core::orchestration::Pulse;
use tasker_core::{Handlers, Output, Request, StepContext, StepError, StepHandler, Tasker, Work};
use tasker_domain::json::Json;
use tasker_domain::template::{Source, Template, parse};
use tasker_postgres::maintenance::{Reindex, reindex};
use tasker_testing::TestDatabase;
use tasker_testing::invariants::{broken_promises, side_rows};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::simulated::Drawn;

pub(crate) const LONG: Duration = Duration::from_secs(120);

/// A worker that dies is soon found dead.
pub(crate) const QUICK: Pulse = Pulse { every: Duration::from_millis(300), lease: Duration::from_millis(2500) };

pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("TASKER_RANDOM_SEED") {
        Ok(text) => text.parse().expect("TASKER_RANDOM_SEED is a number"),
        Err(_) => Entropy::from_system().unwrap().uuid().as_u64_pair().0 >> 12,
    };
    println!("count: TASKER_RANDOM_SEED={seed}");
    seed
}

/// How long something goes on at random: this, or what `TASKER_FAULTS_MINUTES` says.
pub(crate) fn duration(usual: Duration) -> Duration {
    match std::env::var("TASKER_FAULTS_MINUTES") {
        Ok(text) => Duration::from_secs_f64(60.0 * text.parse::<f64>().expect("TASKER_FAULTS_MINUTES is a number")),
        Err(_) => usual,
    }
}

/// How many of something: so many, or what this variable of the environment says.
pub(crate) fn number(variable: &str, usual: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is a number")),
        Err(_) => usual,
    }
}

pub(crate) fn template(name: &str, head: &str, steps: &[(&str, &str)]) -> Template {
    let mut text = format!(
        "name: {name}\ntask_handler_class: Test\nnamespace_name: faults\nversion: 1.0.0\njitter: false\n{head}\nstep_templates:\n"
    );
    for (name, more) in steps {
        text.push_str(&format!("  - {{ name: {name}, handler_class: H, {more} }}\n"));
    }
    parse(&Source::new("faults.yaml", text), None).unwrap_or_else(|problems| panic!("{problems:?}")).template
}

/// a → b, c → d
pub(crate) fn diamond(head: &str) -> Template {
    template(
        "diamond",
        head,
        &[("a", ""), ("b", "depends_on_step: a"), ("c", "depends_on_step: a"), ("d", "depends_on_steps: [b, c]")],
    )
}

pub(crate) fn empty() -> Request {
    Request::new(Json::parse("{}").unwrap())
}

/// A graph whose edges lead from earlier steps to later ones.
pub(crate) fn random_template(chance: &mut StdRng, name: &str) -> Template {
    let steps = chance.random_range(1..=9);
    let fail_fast = chance.random_bool(0.2);
    let steps: Vec<(String, String)> = (0..steps)
        .map(|step| {
            let mut parents: Vec<String> = (0..chance.random_range(0..=3))
                .filter(|_| step > 0)
                .map(|_| format!("s{}", chance.random_range(0..step)))
                .collect();
            parents.sort();
            parents.dedup();
            let limit = chance.random_range(3..=5);
            let more = format!("default_retry_limit: {limit}, depends_on_steps: [{}]", parents.join(", "));
            (format!("s{step}"), more)
        })
        .collect();
    let steps: Vec<(&str, &str)> = steps.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
    template(name, &format!("fail_fast: {fail_fast}"), &steps)
}

/// Writes down each execution where nothing can undo it, and then does what the seed says for the step and attempt.
#[derive(Clone)]
pub(crate) struct Logged {
    log: PgPool,
    seed: u64,
    /// How long a step takes at most, in milliseconds.
    longest: u64,
}

impl Logged {
    pub(crate) fn new(options: PgConnectOptions, seed: u64, longest: u64) -> Self {
        let log = PgPoolOptions::new().max_connections(4).acquire_timeout(LONG).connect_lazy_with(options);
        Self { log, seed, longest }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Writes an execution down, and takes its time.
    pub(crate) async fn write_down(&self, step: &StepContext) -> Result<(), StepError> {
        sqlx::query("insert into faults.execution (step_id, attempt, process) values ($1, $2, $3)")
            .bind(step.step_id())
            .bind(i32::try_from(step.attempt()).unwrap())
            .bind(i32::try_from(std::process::id()).unwrap())
            .execute(&self.log)
            .await
            .map_err(|error| StepError::failure(format!("the log cannot be written: {error}")))?;
        let mut chance = self.chance(step);
        let wait = chance.random_range(0..=self.longest);
        step.clock().sleep(Duration::from_millis(wait)).await;
        Ok(())
    }

    fn chance(&self, step: &StepContext) -> StdRng {
        let mixed = (step.step_id() as u64).wrapping_mul(1_000_003).wrapping_add(u64::from(step.attempt()));
        StdRng::seed_from_u64(self.seed ^ mixed)
    }
}

impl StepHandler for Logged {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        self.write_down(&step).await?;
        let mut chance = self.chance(&step);
        // what the wait was drawn from
        let _wait: u64 = chance.random_range(0..=self.longest);
        match chance.random_range(0..100) {
            0..92 => Ok(Output::from(json!({ "attempt": step.attempt() }))),
            92..95 => Err(StepError::failure("ordinary")),
            95..96 => Err(StepError::permanent("for good")),
            96..98 => Err(StepError::failure("again")),
            _ => Err(StepError::retryable("later").retry_after(Duration::from_secs(1))),
        }
    }
}

/// The log of executions.
pub(crate) async fn make_log(pool: &PgPool) {
    for sql in [
        "create schema faults",
        "create table faults.execution (step_id bigint not null, attempt integer not null, process integer not null, at timestamptz default clock_timestamp())",
    ] {
        sqlx::query(sql).execute(pool).await.unwrap();
    }
}

/// Random tasks of random types.
pub(crate) async fn submit_random(tasker: &Tasker, seed: u64, types: usize, each: usize) -> Vec<i64> {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut all = Vec::new();
    for number in 0..types {
        let template = random_template(&mut chance, &format!("random_{seed}_{number}"));
        let requests = (0..each).map(|_| empty()).collect();
        all.extend(tasker.submit_all(&template, requests).await.unwrap().into_iter().map(|task| task.task_id));
    }
    all
}

/// Waits until every task has come to its end.
pub(crate) async fn until_all_ended(pool: &PgPool, within: Duration) {
    let asked = async {
        loop {
            let open: Result<i64, sqlx::Error> = sqlx::query_scalar(
                "select count(*) from tasker_tasks t left join tasker_task_transitions x on x.task_id = t.task_id and x.most_recent
                 where coalesce(x.to_state, 'pending') in ('pending', 'in_progress')",
            )
            .fetch_one(pool)
            .await;
            if matches!(open, Ok(0)) {
                return;
            }
            pause(100).await;
        }
    };
    if tokio::time::timeout(within, asked).await.is_err() {
        let open: Vec<String> = sqlx::query_scalar(
            "select format('%s %s alive %s waiting %s; %s', t.task_id, x.to_state, e.alive, e.waiting,
               (select string_agg(q::text, ' ') from tasker_engine.queue q where q.task_id = t.task_id))
             from tasker_tasks t left join tasker_engine.task e using (task_id)
             left join tasker_task_transitions x on x.task_id = t.task_id and x.most_recent
             where coalesce(x.to_state, 'pending') in ('pending', 'in_progress') limit 5",
        )
        .fetch_all(pool)
        .await
        .unwrap();
        panic!("not every task came to its end: {open:#?}");
    }
}

pub(crate) async fn pause(milliseconds: u64) {
    SystemClock::new().sleep(Duration::from_millis(milliseconds)).await;
}

/// Every promise is kept, no step ran twice under one claim, and a rebuild changes nothing.
pub(crate) async fn judge(pool: &PgPool) {
    let broken = broken_promises(pool).await.unwrap();
    assert!(broken.is_empty(), "{broken:#?}");
    let twice: Vec<String> = sqlx::query_scalar(
        "select format('step %s attempt %s ran %s times under %s claims', e.step_id, e.attempt, e.times, c.claims)
         from (select step_id, attempt, count(*) as times from faults.execution group by 1, 2) e
         cross join lateral (select count(*) as claims from tasker_workflow_step_transitions t
           where t.workflow_step_id = e.step_id and t.to_state = 'in_progress' and (t.metadata->>'attempt')::int = e.attempt) c
         where e.times > c.claims limit 5",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(twice.is_empty(), "{twice:#?}");
    rebuild_changes_nothing(pool).await;
    let executions: i64 = sqlx::query_scalar("select count(*) from faults.execution").fetch_one(pool).await.unwrap();
    let states: String = sqlx::query_scalar(
        "select string_agg(state || ' ' || n, ', ' order by state) from (select coalesce(x.to_state, 'pending') as state, count(*) as n
           from tasker_tasks t left join tasker_task_transitions x on x.task_id = t.task_id and x.most_recent group by 1) s",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    println!("count: {executions} executions; tasks: {states}");
}

/// Nobody may be at work.
pub(crate) async fn rebuild_changes_nothing(pool: &PgPool) {
    let before = side_rows(pool).await.unwrap();
    reindex(pool, Reindex::default(), |_| {}).await.unwrap();
    let after = side_rows(pool).await.unwrap();
    let (mut gone, mut new) = (before.clone(), after.clone());
    gone.retain(|line| !after.contains(line));
    new.retain(|line| !before.contains(line));
    assert!(gone.is_empty() && new.is_empty(), "a rebuild changes the side rows: {gone:#?} to {new:#?}");
}

/// A worker of this process.
pub(crate) struct Here {
    pub(crate) drain: CancellationToken,
    worker: JoinHandle<tasker_core::WorkReport>,
}

impl Here {
    pub(crate) fn start(tasker: Tasker) -> Self {
        let drain = CancellationToken::new();
        let token = drain.clone();
        let worker = tokio::spawn(async move { tasker.work(Work::new().drained_by(token)).await.unwrap() });
        Self { drain, worker }
    }

    pub(crate) async fn end(self) -> tasker_core::WorkReport {
        self.drain.cancel();
        tokio::time::timeout(LONG, self.worker).await.expect("the worker ends").unwrap()
    }
}

/// A database with its log, and two workers of one pool whose steps take so many milliseconds at most.
pub(crate) async fn two_workers(seed: u64, longest: u64) -> (TestDatabase, Tasker, [Here; 2]) {
    let database = TestDatabase::with_schema().await;
    make_log(database.pool()).await;
    let tasker = tasker(database.pool(), Logged::new(database.options(), seed, longest));
    let workers = [tasker.clone(), tasker.clone()].map(Here::start);
    (database, tasker, workers)
}

pub(crate) fn tasker(pool: &PgPool, handler: impl StepHandler + 'static) -> Tasker {
    Tasker::new(pool.clone(), Handlers::new().with("H", handler)).unwrap().with_pulse(QUICK)
}

/// A worker in a process of its own: this test program, told to be one.
pub(crate) struct Process(Child);

/// Says to the test program that it is a worker: the URL of its database, the URL for the log, the seed, how long a step
/// takes, and of how many steps it is told that they succeeded before it dies, if it does.
const WORKER: &str = "TASKER_FAULTS_WORKER";

impl Process {
    /// A worker that reaches its database by `through` and writes its log by `direct`.
    pub(crate) fn start(through: &PgConnectOptions, direct: &PgConnectOptions, what: &str) -> Self {
        let told = format!("{}\n{}\n{what}", url(through), url(direct));
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["support::worker_process", "--exact", "--ignored", "--nocapture"])
            .env(WORKER, told)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Ends it as by `kill -9`.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_before = self.0.kill().is_err();
        let _reaped = self.0.wait().is_ok();
    }
}

fn url(options: &PgConnectOptions) -> String {
    let place = match options.get_socket() {
        Some(folder) => format!("localhost/{}?host={}", options.get_database().unwrap(), folder.display()),
        None => format!("{}/{}?", options.get_host(), options.get_database().unwrap()),
    };
    format!("postgresql://{}@{place}&port={}", options.get_username(), options.get_port())
}

/// Not a test: what [`Process`] starts. Without being told it does nothing.
#[test]
#[ignore = "is the program of the worker processes that other tests start"]
fn worker_process() {
    let Ok(told) = std::env::var(WORKER) else { return };
    let lines: Vec<&str> = told.lines().collect();
    let [through, direct, what] = lines[..] else { panic!("three lines are expected: {told}") };
    let words: Vec<&str> = what.split(' ').collect();
    let (seed, longest) = (words[0], words[1]);
    let dies_at: Option<u64> = words.get(2).map(|number| number.parse().unwrap());
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
        let options: PgConnectOptions = through.parse().unwrap();
        let pool = PgPoolOptions::new().max_connections(4).connect_lazy_with(options);
        let direct: PgConnectOptions = direct.parse().unwrap();
        let logged = Logged::new(direct, seed.parse().unwrap(), longest.parse().unwrap());
        let aborting = Aborting(logged.clone());
        let drawn = Drawn(logged.clone());
        let handlers = Handlers::new().with("H", logged).with("Aborts", aborting).with("Drawn", drawn);
        let tasker = Tasker::new(pool, handlers).unwrap().with_pulse(QUICK).with_clock(Arc::new(SystemClock::new()));
        if let Some(dies_at) = dies_at {
            let mut told = 0;
            let dying = move |_: &Published| {
                told += 1;
                if told == dies_at {
                    std::process::abort();
                }
            };
            tasker.events().subscribe(&["step.completed"], dying).unwrap();
        }
        tasker.work(Work::new()).await.unwrap();
    });
}

/// Takes the whole process along.
#[derive(Clone)]
struct Aborting(Logged);

impl StepHandler for Aborting {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        let _logged = self.0.process(step).await;
        std::process::abort()
    }
}
