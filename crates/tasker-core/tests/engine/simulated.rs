//! What `tasker_domain::simulation` says of random graphs and scripts is what the engine's rows show: states, attempts,
//! histories with their instants, results. Aside are `fail_fast`, time limits and limits on how many steps run at once,
//! where the engine's order within an instant depends on how outcomes travel together.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDateTime;
use serde_json::json;
use tasker_core::clock::Clock;
use tasker_core::entropy::Entropy;
use tasker_core::orchestration::{simulated_end, simulated_failure};
use tasker_core::{Handlers, Output, Run, StepContext, StepError, StepHandler, Tasker};
use tasker_domain::json::Json;
use tasker_domain::simulation::{Attempt, Attempts, CutShort, Failed, Move, Settings, Simulation, simulate};
use tasker_domain::template::Template;
use tasker_testing::ManualClock;

use crate::support::{Bench, Script, template};

const TASKS: usize = 10;

/// More than any of these tasks has steps.
const CONCURRENCY: usize = 64;

/// How long an attempt takes and what it answers, drawn from what identifies it.
fn answer(seed: u64, step: &str, attempt: u32) -> (Duration, Result<Output, StepError>) {
    let number: u64 = step.bytes().map(u64::from).fold(0, |sum, byte| sum * 31 + byte);
    let draw = Entropy::seeded(seed ^ number << 20 ^ u64::from(attempt));
    // Microseconds, so that no end falls on the same instant as the end of a wait, whose order would be open.
    let takes = match draw.fraction() {
        time if time < 0.5 => Duration::ZERO,
        time => Duration::from_micros((time * 40_000_000.0) as u64 | 1),
    };
    let answer = match draw.fraction() {
        fate if fate < 0.62 => Ok(Output::from(json!({ "attempt": attempt, "of": step, "zz": [1.50, "é\n", null] }))),
        fate if fate < 0.64 => Ok(Output::from(json!([1, "no object"]))),
        fate if fate < 0.66 => Ok(Output::from(json!({ "cannot be stored": "\0" }))),
        fate if fate < 0.80 => Err(StepError::failure("drawn")),
        fate if fate < 0.88 => {
            Err(StepError::retryable("later").retry_after(Duration::from_secs((draw.fraction() * 60.0) as u64)))
        }
        fate if fate < 0.94 => Err(StepError::retryable("table").with_table_wait().with_code("T")),
        _ => Err(StepError::permanent("for good").with_details(json!({ "why": "drawn" }))),
    };
    (takes, answer)
}

/// A graph of 1 to 14 steps; every step may wait for any earlier ones.
fn graph(draw: &Entropy, task: usize) -> Template {
    let pick = |below: usize| (draw.fraction() * below as f64) as usize;
    let steps = 1 + pick(14);
    let rows: Vec<(String, String)> = (0..steps)
        .map(|step| {
            let mut parents: Vec<String> = (0..pick(4).min(step)).map(|_| format!("s{}", pick(step))).collect();
            parents.sort();
            parents.dedup();
            let (limit, retryable, priority) = (pick(6), draw.fraction() < 0.9, pick(5) as i64 - 2);
            let row = format!(
                "depends_on_steps: [{}], default_retry_limit: {limit}, default_retryable: {retryable}, priority: {priority}",
                parents.join(", ")
            );
            (format!("s{step}"), row)
        })
        .collect();
    let borrowed: Vec<(&str, &str)> = rows.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
    let mut graph = template("jitter: false", &borrowed);
    graph.name = format!("simulated{task}");
    graph
}

struct Drawn<'a> {
    seed: u64,
    template: &'a Template,
}

impl Attempts for Drawn<'_> {
    fn attempt(&mut self, place: usize, number: u32) -> Attempt {
        let step = &self.template.steps[place];
        let (takes, answer) = answer(self.seed, &step.name, number);
        Attempt { takes, ending: simulated_end(answer, step, number) }
    }

    fn cut_short(&mut self, place: usize, number: u32, cause: CutShort) -> Failed {
        simulated_failure(&StepError::failure(cause.to_string()), &self.template.steps[place], number)
    }
}

#[derive(Clone)]
struct Handler(u64);

impl StepHandler for Handler {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        let (takes, answer) = answer(self.0, step.step_name(), step.attempt());
        if !takes.is_zero() {
            step.clock().sleep(takes).await;
        }
        answer
    }
}

/// State before and after, microseconds since the beginning, and for steps the attempt.
type Row = (String, String, i64, Option<i32>);

fn microseconds(at: Duration) -> i64 {
    i64::try_from(at.as_micros()).unwrap()
}

/// The histories as the simulation has them: the task's, and each step's by place.
fn simulated_histories(simulation: &Simulation) -> (Vec<Row>, Vec<Vec<Row>>) {
    let mut of_task = Vec::new();
    let mut of_steps = vec![Vec::new(); simulation.steps().len()];
    for row in simulation.transitions() {
        let at = microseconds(row.at);
        match row.moved {
            Move::Task { from, to } => of_task.push((from.to_string(), to.to_string(), at, None)),
            Move::Step { place, from, to, attempt } => {
                of_steps[place].push((from.to_string(), to.to_string(), at, Some(attempt.cast_signed())));
            }
        }
    }
    (of_task, of_steps)
}

async fn history(bench: &Bench, start: NaiveDateTime, owner: &str, id: i64) -> Vec<Row> {
    let column = if owner == "task" { "task_id" } else { "workflow_step_id" };
    let sql = format!(
        "select from_state, to_state, created_at, (metadata->>'attempt')::int from tasker_{owner}_transitions
         where {column} = $1 order by sort_key"
    );
    let rows: Vec<(String, String, NaiveDateTime, Option<i32>)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_all(bench.pool()).await.unwrap();
    rows.into_iter()
        .map(|(from, to, at, attempt)| (from, to, (at - start).num_microseconds().unwrap(), attempt))
        .collect()
}

/// Columns of a step's row that the simulation knows: attempts, retryable, seconds asked for, results.
type StepRow = (i32, bool, Option<i32>, String);

async fn compare(bench: &Bench, seed: u64, task: usize, template: &Template) -> usize {
    let seed = seed.wrapping_mul(1_000_003) + task as u64;
    let simulation = simulate(template, &mut Drawn { seed, template }, Settings::default()).unwrap();

    // A clock of its own: one that several engines share jumps for each of them.
    let clock = ManualClock::default();
    let start = clock.wall_time();
    let engine = Tasker::new(bench.pool().clone(), Handlers::new().with("H", Handler(seed)))
        .unwrap()
        .with_clock(Arc::new(clock))
        .with_entropy(Entropy::seeded(seed))
        .with_concurrency(CONCURRENCY);
    let report = engine.start(Run::new(template, Json::parse("{}").unwrap())).await.unwrap();

    let (of_task, of_steps) = simulated_histories(&simulation);
    let task_id = report.record.task.task_id;
    let place = format!("seed {seed}, task {task}");
    assert_eq!(history(bench, start, "task", task_id).await, of_task, "{place}");
    assert_eq!(report.record.task.state, simulation.state(), "{place}");
    assert_eq!(report.executions, simulation.executions().len() as u64, "{place}");
    let held_by: Option<Json> = sqlx::query_scalar::<_, Option<String>>(
        "select metadata->>'held_by' from tasker_task_transitions where task_id = $1 and most_recent",
    )
    .bind(task_id)
    .fetch_one(bench.pool())
    .await
    .unwrap()
    .map(|names| Json::parse(&names).unwrap());
    let dead: Json =
        simulation.held_by().iter().map(|&place| Json::String(template.steps[place].name.clone())).collect();
    assert_eq!(held_by.unwrap_or_else(|| Json::Array(Vec::new())), dead, "{place}");

    for ((step, simulated), (record, expected)) in
        template.steps.iter().zip(simulation.steps()).zip(report.record.steps.iter().zip(&of_steps))
    {
        let place = format!("{place}, step {}", step.name);
        assert_eq!(record.name, step.name, "{place}");
        assert_eq!(&history(bench, start, "workflow_step", record.step_id).await, expected, "{place}");
        assert_eq!(record.state, simulated.state, "{place}");
        let row: StepRow = sqlx::query_as(
            "select attempts, retryable, backoff_request_seconds, results::text from tasker_workflow_steps
             where workflow_step_id = $1",
        )
        .bind(record.step_id)
        .fetch_one(bench.pool())
        .await
        .unwrap();
        let expected = (
            simulated.attempts.cast_signed(),
            simulated.retryable,
            simulated.asked_seconds.map(u32::cast_signed),
            simulated.results.jsonb_text(),
        );
        assert_eq!(row, expected, "{place}");
    }
    simulation.transitions().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_does_what_the_simulation_says() {
    let first: u64 = std::env::var("TASKER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let seeds: u64 = std::env::var("TASKER_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(4);
    let bench = Bench::new(Script::default()).await;
    let (mut tasks, mut rows) = (0, 0);
    for seed in first..first + seeds {
        let draw = Entropy::seeded(seed);
        for task in 0..TASKS {
            let mut template = graph(&draw, task);
            template.name = format!("simulated{seed}_{task}");
            rows += compare(&bench, seed, task, &template).await;
            tasks += 1;
        }
    }
    bench.assert_side_tables_empty().await;
    println!("count: {tasks} tasks from seed {first}, {rows} rows of history");
}

/// Results of a simulation are written as the column gives them back.
#[tokio::test]
async fn the_text_of_a_column_is_foretold() {
    let bench = Bench::new(Script::default()).await;
    for text in [
        "0",
        "-0",
        "-0.00",
        "0e5",
        "1e3",
        "1E-3",
        "12.50e1",
        "12.50e-4",
        "-1.5e+2",
        "100.00",
        "0.000120",
        "123456789012345678901234567890.10",
        "1e40",
        "5e-12",
        "1.0e0",
        "1200e-2",
        "true",
        "null",
        "[]",
        "{}",
        "[ 1 ,2, [] , {}]",
        r#""a\"b\\c\/d\u0001\b\f\n\r\t\u007f\u00e9\ud83d\ude00\u2028""#,
        r#"{"bb": 1, "a": 2, "\u00e9": 3, "b": {"z": 1, "yy": [{}]}, "a ": 4, "": 5, "ab": 6}"#,
        r#"{"twice": 1, "twice": {"x": 2}}"#,
    ] {
        let stored: String =
            sqlx::query_scalar("select ($1::text)::jsonb::text").bind(text).fetch_one(bench.pool()).await.unwrap();
        assert_eq!(Json::parse(text).unwrap().jsonb_text(), stored, "{text}");
    }
}
