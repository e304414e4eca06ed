//! `simulate` and the engine agree on random templates and scripts, also where several worker processes carry them out,
//! are killed and lose their connections: an attempt that died with its worker is one that failed, and what follows from
//! that is what the simulation says.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sqlx::PgPool;
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::entropy::Entropy;
use tasker_core::orchestration::{simulated_end, simulated_failure};
use tasker_core::{Output, StepContext, StepError, StepHandler};
use tasker_domain::simulation::{Attempt, Attempts, CutShort, Failed, Move, Settings, simulate};
use tasker_domain::template::Template;
use tasker_testing::TestDatabase;
use tasker_testing::proxy::Proxy;

use crate::support::{
    LONG, Logged, Process, duration, empty, judge, make_log, number, pause, random_template, seed, tasker,
    until_all_ended,
};

/// What an attempt answers, drawn from what identifies it, so that every process and the simulation agree.
fn answer(seed: u64, task: &str, step: &str, attempt: u32) -> Result<Output, StepError> {
    let mixed = task.bytes().chain(step.bytes()).fold(seed, |mixed, byte| mixed.wrapping_mul(31) + u64::from(byte));
    let draw = Entropy::seeded(mixed ^ u64::from(attempt) << 48).fraction();
    match draw {
        draw if draw < 0.70 => Ok(Output::from(json!({ "attempt": attempt, "of": step }))),
        draw if draw < 0.75 => Err(StepError::failure("ordinary")),
        draw if draw < 0.78 => Ok(Output::from(json!({ "cannot be stored": "\0" }))),
        draw if draw < 0.94 => Err(StepError::retryable("soon").retry_after(Duration::ZERO)),
        draw if draw < 0.97 => Err(StepError::retryable("later").retry_after(Duration::from_secs(1))),
        _ => Err(StepError::permanent("for good")),
    }
}

/// Carries out what is drawn, and writes each execution down.
#[derive(Clone)]
pub(crate) struct Drawn(pub(crate) Logged);

impl StepHandler for Drawn {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        self.0.write_down(&step).await?;
        answer(self.0.seed(), step.task_name(), step.step_name(), step.attempt())
    }
}

/// The same for a simulation, with the attempts that died with their workers.
struct Foretold<'a> {
    seed: u64,
    template: &'a Template,
    abandoned: HashSet<(usize, u32)>,
}

impl Attempts for Foretold<'_> {
    fn attempt(&mut self, place: usize, number: u32) -> Attempt {
        let step = &self.template.steps[place];
        let ended = match self.abandoned.contains(&(place, number)) {
            true => Err(StepError::failure("its worker died")),
            false => answer(self.seed, &self.template.name, &step.name, number),
        };
        Attempt { takes: Duration::ZERO, ending: simulated_end(ended, step, number) }
    }

    fn cut_short(&mut self, place: usize, number: u32, cause: CutShort) -> Failed {
        simulated_failure(&StepError::failure(cause.to_string()), &self.template.steps[place], number)
    }
}

/// A move of a step: from, to, and the attempt.
type Row = (String, String, u32);

#[derive(sqlx::FromRow)]
struct Written {
    name: String,
    from_state: Option<String>,
    to_state: Option<String>,
    attempt: Option<i32>,
    reason: Option<String>,
    attempts: i32,
}

/// Compares a task with its simulation; returns how many moves agreed and how many attempts had died.
async fn compare(pool: &PgPool, seed: u64, template: &Template, task_id: i64) -> (usize, usize) {
    let rows: Vec<Written> = sqlx::query_as(
        "select n.name, x.from_state, x.to_state, (x.metadata->>'attempt')::int as attempt, x.metadata->>'reason' as reason, s.attempts
         from tasker_workflow_steps s join tasker_named_steps n using (named_step_id)
         left join tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id
         where s.task_id = $1 order by s.workflow_step_id, x.sort_key",
    )
    .bind(task_id)
    .fetch_all(pool)
    .await
    .unwrap();
    let places: HashMap<&str, usize> =
        template.steps.iter().enumerate().map(|(place, step)| (step.name.as_str(), place)).collect();
    let mut histories: Vec<Vec<Row>> = vec![Vec::new(); template.steps.len()];
    let mut attempts = vec![0; template.steps.len()];
    let mut abandoned = HashSet::new();
    for row in rows {
        let place = places[row.name.as_str()];
        attempts[place] = row.attempts.unsigned_abs();
        let (Some(from), Some(to), Some(attempt)) = (row.from_state, row.to_state, row.attempt) else { continue };
        match row.reason.as_deref() {
            None => {}
            Some("abandoned") => {
                abandoned.insert((place, attempt.unsigned_abs()));
            }
            Some(other) => panic!("seed {seed}, {}: nobody should have written `{other}`", template.name),
        }
        histories[place].push((from, to, attempt.unsigned_abs()));
    }
    let died = abandoned.len();
    let simulation = simulate(template, &mut Foretold { seed, template, abandoned }, Settings::default()).unwrap();
    let mut expected: Vec<Vec<Row>> = vec![Vec::new(); template.steps.len()];
    for row in simulation.transitions() {
        if let Move::Step { place, from, to, attempt } = row.moved {
            expected[place].push((from.to_string(), to.to_string(), attempt));
        }
    }
    let named = |histories: Vec<Vec<Row>>| -> Vec<(String, Vec<Row>)> {
        template.steps.iter().map(|step| step.name.clone()).zip(histories).collect()
    };
    let moves = histories.iter().map(Vec::len).sum();
    assert_eq!(named(histories), named(expected), "seed {seed}, {}", template.name);
    let counted: Vec<u32> = simulation.steps().iter().map(|step| step.attempts).collect();
    assert_eq!(attempts, counted, "seed {seed}, {}", template.name);
    let state: String =
        sqlx::query_scalar("select to_state from tasker_task_transitions where task_id = $1 and most_recent")
            .bind(task_id)
            .fetch_one(pool)
            .await
            .unwrap();
    assert_eq!(state, simulation.state().to_string(), "seed {seed}, {}", template.name);
    (moves, died)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_simulation_and_workers_that_are_killed_agree() {
    const WORKERS: usize = 3;
    let seed = seed();
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let mut chance = StdRng::seed_from_u64(seed);
    let submitting = tasker(pool, Drawn(Logged::new(database.options(), seed, 0)));
    let mut tasks: Vec<(Template, i64)> = Vec::new();
    for task in 0..number("TASKER_SIMULATED_TASKS", 150) {
        let mut template = random_template(&mut chance, &format!("drawn_{task}"));
        // The order of steps that fail in the same moment is open, and with it what a task that fails fast still begins.
        template.fail_fast = false;
        template.steps.iter_mut().for_each(|step| step.handler_class = "Drawn".to_owned());
        let created = submitting.submit(&template, empty()).await.unwrap();
        tasks.push((template, created.task_id));
    }
    let proxy = Proxy::start(&database.options(), Entropy::seeded(seed));
    proxy.cut_replies(0.01);
    proxy.cut_requests(0.01);
    let what = format!("{seed} 30");
    let start = |worker: usize| {
        let through = if worker == 0 { proxy.options() } else { database.options() };
        Process::start(&through, &database.options(), &what)
    };
    let mut workers: Vec<Process> = (0..WORKERS).map(start).collect();
    let clock = SystemClock::new();
    let until = clock.elapsed() + duration(Duration::from_secs(8));
    let mut kills = 0;
    while clock.elapsed() < until {
        pause(chance.random_range(100..900)).await;
        let worker = chance.random_range(0..WORKERS);
        std::mem::replace(&mut workers[worker], start(worker)).kill();
        kills += 1;
    }
    until_all_ended(pool, LONG).await;
    workers.drain(..).for_each(Process::kill);
    let (mut moves, mut died, mut whole) = (0, 0, 0);
    for (template, task_id) in &tasks {
        let (agreed, lost) = compare(pool, seed, template, *task_id).await;
        moves += agreed;
        died += lost;
        whole += usize::from(lost == 0);
    }
    println!(
        "count: {} tasks, {moves} moves agree; {kills} kills and {} cuts; {died} attempts died with their workers, {whole} tasks lost none",
        tasks.len(),
        proxy.cuts()
    );
    assert!(moves > tasks.len(), "hardly anything was compared");
    judge(pool).await;
}
