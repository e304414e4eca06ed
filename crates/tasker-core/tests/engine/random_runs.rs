//! Random graphs, outcomes, stops and deaths, several tasks at once on two engines; then the rows alone must show that
//! every promise was kept.
//!
//! A run is repeated, up to the interleaving of its tasks, by `TASKER_RANDOM_SEED`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sqlx::PgPool;
use tasker_core::entropy::Entropy;
use tasker_core::orchestration::Pulse;
use tasker_core::{Ending, Handlers, Output, Run, RunError, StepContext, StepError, StepHandler, Tasker};
use tasker_domain::json::Json;
use tasker_domain::template::{Source, Template, parse};
use tasker_testing::invariants::broken_promises;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::Bench;

const TASKS: usize = 60;

/// How often a task is interrupted before it is left to come to its end.
const INTERRUPTIONS: usize = 4;

const QUICK: Pulse = Pulse { every: Duration::from_millis(50), lease: Duration::from_millis(800) };

/// Long past anything that a healthy run takes.
const GIVE_UP: Duration = Duration::from_secs(120);

/// A graph whose edges lead from earlier steps to later ones, sometimes wide, sometimes deep.
fn random_template(chance: &mut StdRng, number: usize) -> Template {
    let steps = chance.random_range(1..=14);
    let reach = chance.random_range(1..=steps);
    let fail_fast = chance.random_bool(0.3);
    let jitter = chance.random_bool(0.5);
    let mut text = format!(
        "name: random_{number}\ntask_handler_class: Test\nnamespace_name: tests\nversion: 1.0.0\nfail_fast: {fail_fast}\njitter: {jitter}\nstep_templates:\n"
    );
    for step in 0..steps {
        let first = usize::saturating_sub(step, reach);
        let wanted = chance.random_range(0..=3);
        let mut parents: Vec<String> =
            (0..wanted).filter(|_| step > 0).map(|_| format!("s{}", chance.random_range(first..step))).collect();
        parents.sort();
        parents.dedup();
        let limit = chance.random_range(1..=5);
        text.push_str(&format!(
            "  - {{ name: s{step}, handler_class: H, default_retry_limit: {limit}, depends_on_steps: [{}] }}\n",
            parents.join(", ")
        ));
    }
    parse(&Source::new("random.yaml", text), None).unwrap_or_else(|problems| panic!("{problems:?}")).template
}

/// What the handlers of all engines have in common.
#[derive(Default)]
struct Seen {
    /// Executions of each step.
    executions: HashMap<i64, u64>,
    /// Steps under way, with the number of the attempt: a worker that was silent for its lease may still be at work
    /// when its step is tried again, but that is another attempt.
    under_way: HashMap<(i64, u32), u64>,
    /// Executions of each task.
    of_task: HashMap<String, u64>,
    overlaps: Vec<(i64, u32)>,
}

#[derive(Clone)]
struct Random {
    seed: u64,
    seen: Arc<Mutex<Seen>>,
    begun: Arc<Notify>,
}

/// Counts an execution as over also when its future is dropped.
struct UnderWay(Arc<Mutex<Seen>>, (i64, u32));

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.0.lock().unwrap().under_way.get_mut(&self.1).unwrap() -= 1;
    }
}

impl StepHandler for Random {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        let _under_way = {
            let mut seen = self.seen.lock().unwrap();
            *seen.of_task.entry(step.task_name().to_owned()).or_default() += 1;
            *seen.executions.entry(step.step_id()).or_default() += 1;
            let claim = (step.step_id(), step.attempt());
            let under_way = seen.under_way.entry(claim).or_default();
            *under_way += 1;
            if *under_way > 1 {
                seen.overlaps.push(claim);
            }
            UnderWay(self.seen.clone(), claim)
        };
        self.begun.notify_waiters();
        // Of the step and the attempt, not of the order in which things happen.
        let mixed = (step.step_id() as u64).wrapping_mul(1_000_003).wrapping_add(u64::from(step.attempt()));
        let mut chance = StdRng::seed_from_u64(self.seed ^ mixed);
        for _ in 0..chance.random_range(0..200) {
            tokio::task::yield_now().await;
        }
        match chance.random_range(0..100) {
            0..78 => Ok(Output::from(json!({ "attempt": step.attempt() }))),
            78..88 => Err(StepError::failure("ordinary")),
            88..93 => Err(StepError::retryable("later").retry_after(Duration::from_secs(chance.random_range(0..60)))),
            93..95 => Err(StepError::permanent("for good")),
            95..96 => panic!("a handler panics"),
            96..98 => Ok(Output::from(json!([1, "not an object", null]))),
            _ => Err(StepError::retryable("table").with_table_wait()),
        }
    }
}

/// What happens to one run of a task.
enum Fate {
    ComesToItsEnd,
    Stopped { after: u64 },
    Killed { after: u64 },
}

struct World {
    engines: [Tasker; 2],
    pool: PgPool,
    random: Random,
}

impl World {
    async fn task_id(&self, name: &str) -> Option<i64> {
        sqlx::query_scalar(
            "select task_id from tasker_tasks t join tasker_named_tasks n using (named_task_id) where n.name = $1",
        )
        .bind(name)
        .fetch_optional(&self.pool)
        .await
        .unwrap()
    }

    /// Waits until so many attempts of the task have begun, counted from now.
    async fn attempts(&self, name: String, more: u64) {
        let count = || self.random.seen.lock().unwrap().of_task.get(&name).copied().unwrap_or(0);
        let goal = count() + more;
        loop {
            let begun = self.random.begun.notified();
            tokio::pin!(begun);
            begun.as_mut().enable();
            if count() >= goal {
                return;
            }
            begun.await;
        }
    }

    async fn run_once(&self, engine: usize, template: Arc<Template>, fate: Fate) -> Option<Ending> {
        let tasker = self.engines[engine].clone();
        let existing = self.task_id(&template.name).await;
        let stop = CancellationToken::new();
        let name = template.name.clone();
        let (its_template, its_stop) = (template, stop.clone());
        let mut run = tokio::spawn(async move {
            let run = match existing {
                Some(task_id) => Run::resume(&its_template, task_id),
                None => Run::new(&its_template, Json::parse("{}").unwrap()),
            };
            tasker.start(run.until(its_stop)).await
        });
        let done = match fate {
            Fate::ComesToItsEnd => run.await,
            Fate::Stopped { after } => tokio::select! {
                done = &mut run => done,
                () = self.attempts(name, after) => {
                    stop.cancel();
                    run.await
                }
            },
            Fate::Killed { after } => tokio::select! {
                done = &mut run => done,
                () = self.attempts(name, after) => {
                    run.abort();
                    run.await
                }
            },
        };
        match done {
            Ok(Ok(report)) => (report.ending != Ending::Stopped).then_some(report.ending),
            Ok(Err(RunError::BeingRun { .. } | RunError::InterruptedBeforeStart { .. } | RunError::Lost { .. })) => {
                None
            }
            Ok(Err(error)) => panic!("{error}"),
            Err(error) if error.is_cancelled() => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Takes a task to its end through stops, deaths and companions.
    async fn live(&self, number: usize) {
        let mut chance = StdRng::seed_from_u64(self.random.seed.wrapping_mul(31).wrapping_add(number as u64));
        let template = Arc::new(random_template(&mut chance, number));
        for _ in 0..INTERRUPTIONS {
            let mut fate = || {
                let after = chance.random_range(1..=8);
                match chance.random_range(0..10) {
                    0..4 => Fate::Stopped { after },
                    4..7 => Fate::Killed { after },
                    _ => Fate::ComesToItsEnd,
                }
            };
            let (one, other) = (fate(), fate());
            let together = chance.random_bool(0.4) && self.task_id(&template.name).await.is_some();
            let ending = if together {
                let (one, other) =
                    tokio::join!(self.run_once(0, template.clone(), one), self.run_once(1, template.clone(), other));
                one.or(other)
            } else {
                self.run_once(chance.random_range(0..2), template.clone(), one).await
            };
            if ending.is_some() {
                return;
            }
        }
        while self.run_once(number % 2, template.clone(), Fate::ComesToItsEnd).await.is_none() {}
    }
}

fn seed() -> u64 {
    match std::env::var("TASKER_RANDOM_SEED") {
        Ok(text) => text.parse().expect("TASKER_RANDOM_SEED is a number"),
        Err(_) => Entropy::from_system().unwrap().uuid().as_u64_pair().0 >> 12,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn random_runs_keep_every_promise() {
    let seed = seed();
    println!("count: TASKER_RANDOM_SEED={seed}");
    let bench = Bench::new(crate::support::Script::default()).await;
    let random = Random { seed, seen: Arc::default(), begun: Arc::default() };
    let engine = |concurrency: usize| {
        Tasker::new(bench.pool().clone(), Handlers::new().with("H", random.clone()))
            .unwrap()
            .with_clock(Arc::new(bench.clock.clone()))
            .with_entropy(Entropy::seeded(seed ^ concurrency as u64))
            .with_concurrency(concurrency)
            .with_pulse(QUICK)
    };
    let mut chance = StdRng::seed_from_u64(seed);
    let engines = [engine(1), engine(chance.random_range(2..=16))];
    let world = World { engines, pool: bench.pool().clone(), random: random.clone() };
    let all = futures_util::future::join_all((0..TASKS).map(|number| world.live(number)));
    tokio::time::timeout(GIVE_UP, all).await.expect("every task comes to its end");

    let broken = broken_promises(bench.pool()).await.unwrap();
    assert!(broken.is_empty(), "{broken:#?} (TASKER_RANDOM_SEED={seed})");
    bench.assert_side_tables_empty().await;
    let executions = {
        let seen = random.seen.lock().unwrap();
        assert!(seen.overlaps.is_empty(), "steps and attempts that ran twice at the same time: {:?}", seen.overlaps);
        seen.executions.clone()
    };
    let claims: Vec<(i64, i64)> = sqlx::query_as(
        "select workflow_step_id, count(*) from tasker_workflow_step_transitions where to_state = 'in_progress' group by 1",
    )
    .fetch_all(bench.pool())
    .await
    .unwrap();
    let claims: HashMap<i64, u64> = claims.into_iter().map(|(step, count)| (step, count.unsigned_abs())).collect();
    for (step, times) in &executions {
        let claimed = claims.get(step).copied().unwrap_or(0);
        assert!(*times <= claimed, "step {step} ran {times} times under {claimed} claims");
    }
    println!("count: {} executions of {} steps", executions.values().sum::<u64>(), claims.len());
}
