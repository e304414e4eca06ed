//! The pure rules beside the SQL functions: the same rows, the same process, one after the other. Prints a table.
//!
//! It makes a PostgreSQL cluster in a temporary folder, with the binaries that a private cluster would use.

use std::error::Error;
use std::hint::black_box;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::{NaiveDateTime, TimeDelta};
use sqlx::PgConnection;
use sqlx::postgres::PgPoolOptions;
use tasker_domain::readiness::{
    Edge, Newest, RailsTracker, Rows, Snapshot, StepFacts, StepRow, TaskRow, dependency_levels, step_readiness,
};
use tasker_domain::state::StepState;
use tasker_postgres::cluster::{self, ClusterOptions, Environment};
use tasker_postgres::factories::insert_snapshot;
use tasker_postgres::functions::{StepReadiness, task_snapshot};
use tasker_postgres::schema::{self, Shape};

type Failure = Box<dyn Error>;

const SIZES: [i64; 3] = [100, 1_000, 5_000];
/// Tasks of 1,000 steps that stand beside those that are asked about.
const OTHER_TASKS: RangeInclusive<i64> = 11..=40;
const LADDERS: [i64; 2] = [100, 1_000];
/// How often a question is put to the server; the middle one counts.
const SERVER_RUNS: usize = 21;
/// How often the rules are asked; the middle one counts.
const RULE_RUNS: usize = 201;

// The server reckons everything and sends one row, so that sending rows does not count against it.
const READINESS: &str = "SELECT count(*) FILTER (WHERE ready_for_execution), sum(completed_parents), max(next_retry_at) \
    FROM get_step_readiness_status($1::bigint)";
const LEVELS: &str = "SELECT count(*), max(dependency_level) FROM calculate_dependency_levels($1::bigint)";

fn main() -> ExitCode {
    cluster::become_supervisor_if_asked();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(measure()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> Result<(), Failure> {
    let options = ClusterOptions::from_environment(&Environment::read());
    let cluster = cluster::throwaway(&options).await?;
    let pool = PgPoolOptions::new().max_connections(1).connect_with(cluster.handle().connect_options()).await?;
    schema::bootstrap(&pool, Shape::Full).await?;
    let mut connection = pool.acquire().await?;
    // Compiling a plan takes longer than these questions do: with it the server would look worse than it need be.
    sqlx::query("SET jit = off").execute(&mut *connection).await?;
    println!(
        "PostgreSQL {}, all 99 indexes, 30 further tasks, rows analysed, jit off; medians.",
        cluster.handle().version().major
    );
    println!();
    readiness(&mut connection).await?;
    println!();
    levels(&mut connection).await?;
    drop(connection);
    pool.close().await;
    cluster.stop().await?;
    Ok(())
}

async fn readiness(connection: &mut PgConnection) -> Result<(), Failure> {
    println!(
        "{:>7} {:>13} {:>12} {:>7} {:>12} {:>8} {:>14} {:>14} {:>7}",
        "steps",
        "SQL function",
        "rules whole",
        "ratio",
        "one change",
        "ratio",
        "SQL with rows",
        "load and rules",
        "ratio"
    );
    let now: NaiveDateTime = sqlx::query_scalar("SELECT now() AT TIME ZONE 'UTC'").fetch_one(&mut *connection).await?;
    for (task_id, steps) in (1..).zip(SIZES) {
        insert_snapshot(&mut *connection, &halfway(task_id, steps, now)?).await?;
    }
    // In a database as small as one of the tasks the server reads whole tables for each step, to its own harm.
    for task_id in OTHER_TASKS {
        insert_snapshot(&mut *connection, &halfway(task_id, 1_000, now)?).await?;
    }
    sqlx::query("VACUUM (ANALYZE)").execute(&mut *connection).await?;
    for (task_id, steps) in (1..).zip(SIZES) {
        let snapshot = task_snapshot(&mut *connection, task_id).await?.ok_or("the task is not there")?;

        let function = ask(&mut *connection, READINESS, task_id).await?;
        let whole = middle(RULE_RUNS, || step_readiness(black_box(&snapshot), task_id, None, now))?;
        let change = one_change(snapshot.clone(), task_id, steps, now)?;
        let mut with_rows = Vec::new();
        let mut loaded = Vec::new();
        for _ in 0..SERVER_RUNS {
            let watch = Watch::start();
            black_box(StepReadiness::for_task(&mut *connection, task_id).await?);
            with_rows.push(watch.elapsed());
            let watch = Watch::start();
            let snapshot = task_snapshot(&mut *connection, task_id).await?.ok_or("the task is not there")?;
            black_box(step_readiness(&snapshot, task_id, None, now)?);
            loaded.push(watch.elapsed());
        }
        let (with_rows, loaded) = (median(with_rows), median(loaded));
        println!(
            "{steps:>7} {:>13} {:>12} {:>7} {:>12} {:>8} {:>14} {:>14} {:>7}",
            shown(function),
            shown(whole),
            ratio(function, whole),
            shown(change),
            ratio(function, change),
            shown(with_rows),
            shown(loaded),
            ratio(with_rows, loaded),
        );
        differs(&mut *connection, &snapshot, task_id).await?;
    }
    Ok(())
}

/// The figures are worth nothing unless both sides say the same.
async fn differs(connection: &mut PgConnection, snapshot: &Snapshot, task_id: i64) -> Result<(), Failure> {
    let theirs = StepReadiness::for_task(&mut *connection, task_id).await?;
    let now: NaiveDateTime = sqlx::query_scalar("SELECT now() AT TIME ZONE 'UTC'").fetch_one(&mut *connection).await?;
    let ours = step_readiness(snapshot, task_id, None, now)?;
    let ready = |rows: Vec<(i64, bool)>| rows.into_iter().filter(|row| row.1).map(|row| row.0).collect::<Vec<_>>();
    let theirs = ready(theirs.iter().map(|row| (row.workflow_step_id, row.ready_for_execution)).collect());
    let ours = ready(ours.iter().map(|row| (row.workflow_step_id, row.ready_for_execution)).collect());
    if ours == theirs && !ours.is_empty() { Ok(()) } else { Err("the rules and the function disagree".into()) }
}

async fn levels(connection: &mut PgConnection) -> Result<(), Failure> {
    println!("{:>7} {:>13} {:>12} {:>7}   levels of diamond ladders", "rungs", "SQL function", "rules", "ratio");
    for (task_id, rungs) in (101..).zip(LADDERS) {
        insert_snapshot(&mut *connection, &ladder(task_id, rungs)?).await?;
        sqlx::query("ANALYZE").execute(&mut *connection).await?;
        let snapshot = task_snapshot(&mut *connection, task_id).await?.ok_or("the task is not there")?;
        let function = ask(&mut *connection, LEVELS, task_id).await?;
        let rules = middle(RULE_RUNS, || dependency_levels(black_box(&snapshot), task_id))?;
        println!("{rungs:>7} {:>13} {:>12} {:>7}", shown(function), shown(rules), ratio(function, rules));
    }
    println!("(our SQL function, which is linear; the original walks 2 to the power of the rungs paths)");
    Ok(())
}

async fn ask(connection: &mut PgConnection, sql: &'static str, task_id: i64) -> Result<Duration, Failure> {
    let mut times = Vec::new();
    for _ in 0..SERVER_RUNS {
        let watch = Watch::start();
        black_box(sqlx::query(sql).bind(task_id).fetch_one(&mut *connection).await?);
        times.push(watch.elapsed());
    }
    Ok(median(times))
}

/// A step in the middle of the task is completed and taken back again, another one each time; the time of one change.
fn one_change(snapshot: Snapshot, task_id: i64, steps: i64, now: NaiveDateTime) -> Result<Duration, Failure> {
    const CHANGES: i64 = 1_000;
    let mut tracker = RailsTracker::new(snapshot, task_id, now)?;
    let complete =
        StepFacts { newest: Some(Newest { state: StepState::Complete.into(), at: now }), ..StepFacts::default() };
    let mut times = Vec::new();
    for _ in 0..RULE_RUNS {
        let watch = Watch::start();
        for change in 0..CHANGES {
            let step = first_id(task_id) + steps / 2 + change / 2 % 37;
            let facts = if change % 2 == 0 { complete.clone() } else { StepFacts::default() };
            black_box(tracker.change(step, facts)?);
        }
        times.push(watch.elapsed());
    }
    Ok(median(times) / u32::try_from(CHANGES)?)
}

fn middle<T, E: Error + 'static>(runs: usize, mut question: impl FnMut() -> Result<T, E>) -> Result<Duration, Failure> {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let watch = Watch::start();
        let answer = question()?;
        times.push(watch.elapsed());
        drop(black_box(answer));
    }
    Ok(median(times))
}

fn first_id(task_id: i64) -> i64 {
    task_id * 100_000
}

/// Layers of ten steps; each step waits for two or three of the layer before. Two fifths are complete, one in ten of the
/// rest runs or has failed.
fn halfway(task_id: i64, steps: i64, now: NaiveDateTime) -> Result<Snapshot, Failure> {
    let first = first_id(task_id);
    let facts = |place: i64| {
        let state = match place {
            _ if place < steps * 2 / 5 => StepState::Complete,
            _ if place % 20 == 0 => StepState::InProgress,
            _ if place % 20 == 10 => StepState::Error,
            _ => return StepFacts::default(),
        };
        let at = now - TimeDelta::seconds(place % 40);
        StepFacts { newest: Some(Newest { state: state.into(), at }), attempts: Some(1), ..StepFacts::default() }
    };
    let edges = (10..steps).flat_map(|place| {
        let layer = first + place / 10 * 10 - 10;
        (0..2 + place % 2)
            .map(move |nth| Edge { from_step_id: layer + (place * 3 + nth * 3) % 10, to_step_id: first + place })
    });
    task(task_id, (0..steps).map(|place| (place, facts(place))), edges.collect())
}

/// Diamonds on top of each other.
fn ladder(task_id: i64, rungs: i64) -> Result<Snapshot, Failure> {
    let first = first_id(task_id);
    let edges = (0..rungs).flat_map(|rung| {
        let top = first + 3 * rung;
        [(top, top + 1), (top, top + 2), (top + 1, top + 3), (top + 2, top + 3)]
            .map(|(from_step_id, to_step_id)| Edge { from_step_id, to_step_id })
    });
    task(task_id, (0..=3 * rungs).map(|place| (place, StepFacts::default())), edges.collect())
}

fn task(task_id: i64, steps: impl Iterator<Item = (i64, StepFacts)>, edges: Vec<Edge>) -> Result<Snapshot, Failure> {
    let id = i32::try_from(task_id)?;
    let steps = steps.map(|(place, facts)| StepRow {
        workflow_step_id: first_id(task_id) + place,
        task_id,
        named_step_id: id,
        name: format!("step of {task_id}").into(),
        facts,
    });
    let tasks = vec![TaskRow { task_id, named_task_id: id, newest: None, fail_fast: false }];
    Ok(Snapshot::new(Rows { tasks, steps: steps.collect(), edges })?)
}

/// Time that goes by; nothing here depends on what it says.
struct Watch(Instant);

impl Watch {
    #[expect(clippy::disallowed_methods, reason = "a measurement takes the time that really goes by")]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn shown(time: Duration) -> String {
    let nanoseconds = time.as_nanos();
    match nanoseconds {
        0..10_000 => format!("{nanoseconds} ns"),
        10_000..10_000_000 => format!("{} µs", nanoseconds / 1_000),
        _ => format!("{} ms", nanoseconds / 1_000_000),
    }
}

fn ratio(slower: Duration, faster: Duration) -> String {
    format!("{:.0}", slower.as_secs_f64() / faster.as_secs_f64().max(1e-9))
}
