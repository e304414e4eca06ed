//! What came out, as text and as a document.

use std::time::Duration;

use serde::Serialize;

use super::arguments::{BenchArguments, Setting};
use super::driver::Round;
use super::place::Place;

/// All rounds of one program.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) rounds: Vec<Round>,
    pub(super) counted: Counted,
}

/// Of the round in which messages are counted: each for one step.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counted {
    pub(super) messages: Option<f64>,
    pub(super) commits: f64,
    pub(super) rows_written: f64,
    pub(super) hot_updates: f64,
}

/// Everything that is told.
pub(super) struct Report {
    document: Document,
}

/// The document of `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    shape: &'static str,
    steps_per_task: f64,
    tasks: usize,
    in_flight: usize,
    workers: usize,
    concurrency: usize,
    context_bytes: usize,
    sleep_ms: Option<f64>,
    layout: String,
    prefill_waiting: u32,
    prefill_history: u32,
    server: Server,
    steps_per_second: f64,
    tasks_per_second: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    per_step: PerStep,
    peak_memory_bytes: Option<u64>,
    floor_steps_per_second: Option<f64>,
    floor_p50_ms: Option<f64>,
    floor_p99_ms: Option<f64>,
    floor_per_step: Option<PerStep>,
    /// Median of the rounds' shares, each of the engine's rate and the floor's of the same round.
    share_of_floor: Option<f64>,
    /// How many times the floor's p50 ours is.
    times_floor_p50: Option<f64>,
    rounds: Vec<RoundDocument>,
}

#[derive(Debug, Serialize)]
struct Server {
    version: String,
    fsync: String,
    synchronous_commit: String,
    full_page_writes: String,
    shared_buffers: String,
    processors: Option<usize>,
}

/// What one step costs.
#[derive(Debug, Clone, Copy, Serialize)]
struct PerStep {
    /// That wait for an answer, `BEGIN` and `COMMIT` included; not known where the server has no socket here.
    messages: Option<f64>,
    commits: f64,
    wal_bytes: f64,
    wal_page_images: f64,
    rows_written: f64,
    /// Of those, updates that touched no index.
    hot_updates: f64,
    engine_cpu_us: Option<f64>,
    server_cpu_us: Option<f64>,
}

/// Takes one figure out.
type ReadCost = fn(&PerStep) -> Option<f64>;

#[derive(Debug, Serialize)]
struct RoundDocument {
    steps_per_second: f64,
    p50_ms: f64,
    floor_steps_per_second: Option<f64>,
    floor_p50_ms: Option<f64>,
}

/// The middle of some values; of an even number the mean of the two in the middle.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let above = *values.get(middle)?;
    Some(if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], above) } else { above })
}

/// The time within which this share of all tasks was done, in milliseconds.
fn percentile(rounds: &[Round], share: f64) -> f64 {
    let mut all: Vec<Duration> = rounds.iter().flat_map(|round| round.latencies.iter().copied()).collect();
    all.sort_unstable();
    let place = ((all.len() as f64 * share).ceil() as usize).clamp(1, all.len().max(1)) - 1;
    all.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

impl Measured {
    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(of)).unwrap_or(0.0)
    }

    fn p50(&self) -> f64 {
        percentile(&self.rounds, 0.5)
    }

    fn per_step(&self) -> PerStep {
        let micros = |of: &dyn Fn(&Round) -> Option<Duration>| {
            median(self.rounds.iter().filter_map(|round| Some(of(round)?.as_secs_f64() * 1e6 / round.steps as f64)))
        };
        PerStep {
            messages: self.counted.messages,
            commits: self.counted.commits,
            wal_bytes: self.median(|round| round.spent.server.wal_bytes as f64 / round.steps as f64),
            wal_page_images: self.median(|round| round.spent.server.wal_page_images as f64 / round.steps as f64),
            rows_written: self.counted.rows_written,
            hot_updates: self.counted.hot_updates,
            engine_cpu_us: micros(&|round| round.spent.engine_cpu),
            server_cpu_us: micros(&|round| round.spent.server_cpu),
        }
    }
}

impl Report {
    pub(super) fn new(
        arguments: &BenchArguments,
        setting: &Setting,
        place: &Place,
        engine: Measured,
        floor: Option<Measured>,
    ) -> Self {
        let rate = Round::steps_per_second;
        let pairs = || floor.iter().flat_map(|floor| engine.rounds.iter().zip(&floor.rounds));
        let server = place.server.clone();
        let document = Document {
            shape: arguments.shape.word(),
            steps_per_task: setting.steps(setting.graphs.len()) as f64 / setting.graphs.len() as f64,
            tasks: setting.tasks,
            in_flight: setting.in_flight,
            workers: setting.workers,
            concurrency: setting.concurrency,
            context_bytes: setting.context.len(),
            sleep_ms: setting.sleep.map(|time| time.as_secs_f64() * 1e3),
            layout: place.shape.to_string(),
            prefill_waiting: arguments.prefill_waiting,
            prefill_history: arguments.prefill_history,
            server: Server {
                version: server.version,
                fsync: server.fsync,
                synchronous_commit: server.synchronous_commit,
                full_page_writes: server.full_page_writes,
                shared_buffers: server.shared_buffers,
                processors: std::thread::available_parallelism().ok().map(usize::from),
            },
            steps_per_second: engine.median(rate),
            tasks_per_second: engine.median(Round::tasks_per_second),
            p50_ms: engine.p50(),
            p95_ms: percentile(&engine.rounds, 0.95),
            p99_ms: percentile(&engine.rounds, 0.99),
            per_step: engine.per_step(),
            peak_memory_bytes: engine.rounds.iter().filter_map(|round| round.spent.peak_memory).max(),
            floor_steps_per_second: floor.as_ref().map(|floor| floor.median(rate)),
            floor_p50_ms: floor.as_ref().map(Measured::p50),
            floor_p99_ms: floor.as_ref().map(|floor| percentile(&floor.rounds, 0.99)),
            floor_per_step: floor.as_ref().map(Measured::per_step),
            share_of_floor: median(pairs().map(|(ours, least)| rate(ours) / rate(least))),
            times_floor_p50: floor.as_ref().map(|floor| engine.p50() / floor.p50()),
            rounds: engine
                .rounds
                .iter()
                .enumerate()
                .map(|(number, round)| {
                    let least = floor.as_ref().and_then(|floor| floor.rounds.get(number));
                    let p50 = |round: &Round| percentile(std::slice::from_ref(round), 0.5);
                    RoundDocument {
                        steps_per_second: rate(round),
                        p50_ms: p50(round),
                        floor_steps_per_second: least.map(rate),
                        floor_p50_ms: least.map(p50),
                    }
                })
                .collect(),
        };
        Self { document }
    }

    pub(super) fn document(&self) -> &Document {
        &self.document
    }

    /// For a person to read.
    pub(super) fn text(&self) -> String {
        let told = &self.document;
        let server = &told.server;
        let mut lines = vec![
            format!(
                "{} of {} steps, layout {}: {} tasks a round, {} in flight, {} worker{} of {} steps; {} rounds",
                told.shape,
                told.steps_per_task,
                told.layout,
                told.tasks,
                told.in_flight,
                told.workers,
                if told.workers == 1 { "" } else { "s" },
                told.concurrency,
                told.rounds.len()
            ),
            format!(
                "PostgreSQL {}: fsync {}, synchronous_commit {}, full_page_writes {}, shared_buffers {}; {} processors",
                server.version,
                server.fsync,
                server.synchronous_commit,
                server.full_page_writes,
                server.shared_buffers,
                server.processors.map_or_else(|| "?".to_owned(), |count| count.to_string())
            ),
            String::new(),
            format!("{:<34}{:>12}{:>12}", "", "engine", if told.floor_per_step.is_some() { "floor" } else { "" }),
        ];
        let floor = told.floor_per_step;
        let mut row = |what: &str, ours: Option<f64>, least: Option<f64>, places: usize| {
            let value = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}"));
            let least = if floor.is_some() { value(least) } else { String::new() };
            lines.push(format!("{what:<34}{:>12}{least:>12}", value(ours)).trim_end().to_owned());
        };
        row("steps a second", Some(told.steps_per_second), told.floor_steps_per_second, 0);
        row("tasks a second", Some(told.tasks_per_second), None, 0);
        row("creation to end, p50 (ms)", Some(told.p50_ms), told.floor_p50_ms, 2);
        row("creation to end, p95 (ms)", Some(told.p95_ms), None, 2);
        row("creation to end, p99 (ms)", Some(told.p99_ms), told.floor_p99_ms, 2);
        let of = |read: ReadCost| (read(&told.per_step), floor.as_ref().and_then(read));
        let per_step: [(&str, ReadCost, usize); 8] = [
            ("a step: messages that wait", |step| step.messages, 3),
            ("        commits", |step| Some(step.commits), 3),
            ("        bytes of WAL", |step| Some(step.wal_bytes), 0),
            ("        whole pages in it", |step| Some(step.wal_page_images), 3),
            ("        rows written", |step| Some(step.rows_written), 2),
            ("        of them HOT updates", |step| Some(step.hot_updates), 2),
            ("        this process's CPU (µs)", |step| step.engine_cpu_us, 1),
            ("        the server's CPU (µs)", |step| step.server_cpu_us, 1),
        ];
        for (what, read, places) in per_step {
            let (ours, least) = of(read);
            row(what, ours, least, places);
        }
        row("peak memory (MB)", told.peak_memory_bytes.map(|bytes| bytes as f64 / 1e6), None, 1);
        if let (Some(share), Some(times)) = (told.share_of_floor, told.times_floor_p50) {
            lines.push(String::new());
            lines.push(format!("{:.0} % of the floor; p50 {times:.2} times the floor's", share * 100.0));
        }
        lines.join("\n")
    }
}
