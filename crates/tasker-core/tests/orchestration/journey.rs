//! Random tasks that one worker carries to their end exchange by exchange, while somebody does things by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::value::RawValue;
use sqlx::PgPool;
use tasker_core::Request;
use tasker_core::clock::Clock;
use tasker_core::entropy::Entropy;
use tasker_domain::json::Json;
use tasker_domain::operation::TaskOperation;
use tasker_postgres::ledger::{
    Claim, Exchange, Exchanger, Ledger, Operator, Settled, Settlement, StepChange, TaskChange, TaskRecord, WorkerId,
};

use crate::support::{Bench, Script, template, worker};

const TASKS: usize = 12;
/// From here on nothing is done by hand any more, so that every task comes to its end.
const BY_HAND: usize = 120;
const ROUNDS: usize = 2000;

/// What happened in a round.
pub(crate) struct Round<'a> {
    pub(crate) pool: &'a PgPool,
    pub(crate) ledger: &'a Ledger,
    pub(crate) instant: NaiveDateTime,
    pub(crate) tasks: &'a BTreeMap<i64, bool>,
    /// Tasks of which the exchange claimed or settled a step; none where the round was something done by hand.
    pub(crate) moved: BTreeSet<i64>,
    /// Steps that failed and whose instant has come: they stand in line.
    pub(crate) woken: &'a BTreeSet<i64>,
}

impl Round<'_> {
    pub(crate) async fn record(&self, task_id: i64) -> TaskRecord {
        self.ledger.task_record(task_id).await.unwrap().unwrap()
    }
}

/// Who looks at every round.
pub(crate) trait Witness {
    async fn see(&mut self, round: Round<'_>);
}

struct Journey {
    bench: Bench,
    draw: Entropy,
    ledger: Ledger,
    exchanger: Exchanger,
    worker: WorkerId,
    lanes: Vec<i64>,
    /// The tasks, and whether their type says `fail_fast`.
    tasks: BTreeMap<i64, bool>,
    held: Vec<Claim>,
    due: BTreeMap<i64, NaiveDateTime>,
    woken: BTreeSet<i64>,
    now: NaiveDateTime,
}

/// Carries random tasks to their end; the same seed does the same.
pub(crate) async fn travel(seed: u64, witness: &mut impl Witness) -> Bench {
    let mut journey = Journey::begin(seed).await;
    for round in 0..ROUNDS {
        journey.pass_time();
        if round < BY_HAND && journey.chance(0.2) {
            journey.do_by_hand().await;
            witness.see(journey.round(BTreeSet::new())).await;
        } else {
            let moved = journey.exchange().await;
            witness.see(journey.round(moved)).await;
        }
        if round > BY_HAND && journey.held.is_empty() && journey.all_rest().await {
            return journey.bench;
        }
    }
    panic!("seed {seed}: tasks have not come to their end");
}

impl Journey {
    async fn begin(seed: u64) -> Self {
        let bench = Bench::new(Script::default()).await;
        let draw = Entropy::seeded(seed);
        let tasker = bench.tasker();
        let mut tasks = BTreeMap::new();
        for number in 0..TASKS {
            let fail_fast = draw.fraction() < 0.3;
            let graph = graph(&draw, number, fail_fast);
            let created = tasker.submit(&graph, Request::new(Json::parse("{}").unwrap())).await.unwrap();
            tasks.insert(created.task_id, fail_fast);
        }
        let ledger = tasker.ledger().clone();
        let id = ledger.start_worker(&worker("traveller", Duration::from_secs(3600))).await.unwrap();
        let lanes = ledger.lanes(id).await.unwrap();
        let now = bench.clock.wall_time();
        Self {
            bench,
            draw,
            exchanger: ledger.exchanger(),
            ledger,
            worker: id,
            lanes,
            tasks,
            held: Vec::new(),
            due: BTreeMap::new(),
            woken: BTreeSet::new(),
            now,
        }
    }

    fn chance(&self, of: f64) -> bool {
        self.draw.fraction() < of
    }

    fn pick(&self, below: usize) -> usize {
        (self.draw.fraction() * below as f64) as usize
    }

    /// Each round has an instant of its own.
    fn pass_time(&mut self) {
        let milliseconds = if self.chance(0.1) { 20_000 } else { 1 + self.pick(3000) };
        self.now += TimeDelta::milliseconds(i64::try_from(milliseconds).unwrap());
    }

    fn round(&self, moved: BTreeSet<i64>) -> Round<'_> {
        Round {
            pool: self.bench.pool(),
            ledger: &self.ledger,
            instant: self.now,
            tasks: &self.tasks,
            moved,
            woken: &self.woken,
        }
    }

    async fn exchange(&mut self) -> BTreeSet<i64> {
        let mut outcomes = Vec::new();
        let mut settled: BTreeMap<i64, i64> = BTreeMap::new();
        let mut kept = Vec::new();
        // Some rounds hand in one outcome and ask for no more than steps, as a worker of a chain does.
        let single = self.chance(0.3);
        for claim in std::mem::take(&mut self.held) {
            if self.chance(0.4) || single && !outcomes.is_empty() {
                kept.push(claim);
                continue;
            }
            let settlement = self.settlement(&claim);
            if let Settlement::Retry { wait, .. } = &settlement {
                self.due.insert(claim.step_id, self.now + TimeDelta::from_std(*wait).unwrap());
            }
            settled.insert(claim.step_id, claim.task_id);
            outcomes.push(Settled { step_id: claim.step_id, token: claim.token, settlement });
        }
        let want = self.pick(5) + usize::from(single);
        let call = Exchange {
            outcomes: &outcomes,
            want,
            handover: if single { want } else { self.pick(want + 1) },
            lanes: &self.lanes,
            fair: self.chance(0.5),
            wake: !single,
            now: Some(self.now),
            ..Exchange::new(self.worker, "traveller")
        };
        let reply = self.exchanger.exchange(&call).await.unwrap();
        assert!(!reply.lanes_changed, "nobody made or paused lanes");
        for step in &reply.refused {
            settled.remove(step);
            self.due.remove(step);
        }
        let due = self.due.iter().filter(|(_, due)| **due <= self.now).map(|(step, _)| *step);
        if !single {
            self.woken.extend(due);
            self.due.retain(|_, due| *due > self.now);
        }
        for claim in &reply.claims {
            self.woken.remove(&claim.step_id);
            self.due.remove(&claim.step_id);
        }
        let moved = settled.into_values().chain(reply.claims.iter().map(|claim| claim.task_id)).collect();
        kept.extend(reply.claims);
        self.held = kept;
        moved
    }

    fn settlement(&self, claim: &Claim) -> Settlement {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let error = || raw(r#"{"error": "drawn", "error_class": "RuntimeError"}"#);
        match self.draw.fraction() {
            draw if draw < 0.6 => Settlement::Success { results: raw("{}") },
            draw if draw < 0.68 => Settlement::Permanent { error: error() },
            draw if draw < 0.75 => Settlement::HandBack { note: "handed_back" },
            _ if claim.attempt >= claim.attempts_allowed => {
                Settlement::Exhausted { error: error(), asked_seconds: None, note: None }
            }
            _ => {
                let wait = Duration::from_millis(500 + 100 * self.pick(300) as u64);
                Settlement::Retry { error: error(), wait, asked_seconds: None, note: None }
            }
        }
    }

    async fn do_by_hand(&mut self) {
        let by = Operator { actor: "ada", reason: "a whim", now: Some(self.now), dry_run: false };
        let task_id = *self.tasks.keys().nth(self.pick(TASKS)).unwrap();
        let on_task = |operation| TaskChange::Operation(operation);
        let change = match self.pick(12) {
            0 => Some(on_task(TaskOperation::Cancel)),
            1 => Some(on_task(TaskOperation::Resolve)),
            2..=4 => Some(on_task(TaskOperation::Retry)),
            _ => None,
        };
        if let Some(change) = change {
            self.ledger.change_tasks(&[task_id], change, by).await.unwrap();
        } else {
            let record = self.ledger.task_record(task_id).await.unwrap().unwrap();
            let step = &record.steps[self.pick(record.steps.len())];
            let change = match self.pick(5) {
                0 => StepChange::Cancel,
                1 => StepChange::Resolve,
                2 => StepChange::Complete { results: RawValue::from_string("{}".to_owned()).unwrap() },
                3 => StepChange::Bypass,
                _ => StepChange::Retry { attempts: 2 },
            };
            self.ledger.change_step(step.step_id, &change, by).await.unwrap();
        }
        // What waited for an instant may not wait for it any more.
        let waiting: Vec<i64> =
            sqlx::query_scalar("select step_id from tasker_engine.later").fetch_all(self.bench.pool()).await.unwrap();
        self.due.retain(|step, _| waiting.contains(step));
    }

    async fn all_rest(&self) -> bool {
        for task_id in self.tasks.keys() {
            if !self.ledger.task_overview(*task_id).await.unwrap().unwrap().state.is_at_rest() {
                return false;
            }
        }
        true
    }
}

/// A graph of 2 to 9 steps; every step may wait for any earlier ones.
fn graph(draw: &Entropy, number: usize, fail_fast: bool) -> tasker_domain::template::Template {
    let pick = |below: usize| (draw.fraction() * below as f64) as usize;
    let rows: Vec<(String, String)> = (0..2 + pick(8))
        .map(|step| {
            let parents: BTreeSet<String> = (0..pick(4).min(step)).map(|_| format!("s{}", pick(step))).collect();
            let parents: Vec<String> = parents.into_iter().collect();
            let limit = 1 + pick(4);
            (format!("s{step}"), format!("depends_on_steps: [{}], default_retry_limit: {limit}", parents.join(", ")))
        })
        .collect();
    let borrowed: Vec<(&str, &str)> = rows.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
    let mut graph = template(if fail_fast { "fail_fast: true" } else { "" }, &borrowed);
    graph.name = format!("journey{number}");
    graph
}

/// The seeds of a test: as many as it says, or those that `TASKER_SEED` and `TASKER_SEEDS` name.
pub(crate) fn seeds(usually: u64) -> std::ops::Range<u64> {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
    };
    let first = number("TASKER_SEED", 1);
    first..first + number("TASKER_SEEDS", usually)
}
