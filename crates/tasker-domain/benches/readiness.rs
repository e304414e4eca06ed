//! Readiness whole and step by step, levels, and large graphs.
#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tasker_domain::graph::Graph;
use tasker_domain::readiness::{
    Edge, Newest, RailsTracker, Rows, Snapshot, StepFacts, StepRow, TaskRow, TaskTracker, dependency_levels,
    step_readiness, task_execution_context, task_standing,
};
use tasker_domain::state::StepState;

const SIZES: [i64; 3] = [100, 1_000, 5_000];

fn noon() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2025, 7, 10).and_then(|day| day.and_hms_opt(12, 0, 0)).unwrap_or_default()
}

/// Layers of ten steps; each step waits for two or three of the layer before. Two fifths are complete, one in ten of the
/// rest runs or has failed.
fn halfway(steps: i64) -> Snapshot {
    let step = |id: i64| StepRow {
        workflow_step_id: id,
        task_id: 1,
        named_step_id: 1,
        name: format!("step_{id}").into(),
        facts: facts(id, steps),
    };
    let edges = (10..steps).flat_map(|id| {
        let layer = id / 10 * 10 - 10;
        let number = 2 + id % 2;
        (0..number).map(move |nth| Edge { from_step_id: layer + (id * 3 + nth * 3) % 10, to_step_id: id })
    });
    let task = TaskRow { task_id: 1, named_task_id: 1, newest: None, fail_fast: false };
    let rows = Rows { tasks: vec![task], steps: (0..steps).map(step).collect(), edges: edges.collect() };
    Snapshot::new(rows).unwrap_or_else(|error| panic!("the rows are no snapshot: {error}"))
}

fn facts(id: i64, steps: i64) -> StepFacts {
    let at = noon() - TimeDelta::seconds(id % 40);
    let state = match id {
        _ if id < steps * 2 / 5 => StepState::Complete,
        _ if id % 20 == 0 => StepState::InProgress,
        _ if id % 20 == 10 => StepState::Error,
        _ => return StepFacts::default(),
    };
    StepFacts { newest: Some(Newest { state: state.into(), at }), attempts: Some(1), ..StepFacts::default() }
}

fn readiness_whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("readiness whole");
    for size in SIZES {
        let snapshot = halfway(size);
        group.throughput(Throughput::Elements(size.unsigned_abs()));
        group.bench_function(BenchmarkId::new("rails, all rows", size), |bencher| {
            bencher.iter(|| step_readiness(black_box(&snapshot), 1, None, noon()));
        });
        group.bench_function(BenchmarkId::new("rails, context", size), |bencher| {
            bencher.iter(|| task_execution_context(black_box(&snapshot), 1, noon()));
        });
        group.bench_function(BenchmarkId::new("tasker", size), |bencher| {
            bencher.iter(|| task_standing(black_box(&snapshot), 1, noon()));
        });
    }
    group.finish();
}

/// One change: a step is completed, or taken back.
fn readiness_incremental(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("readiness incremental, one change");
    for size in SIZES {
        let complete = StepFacts {
            newest: Some(Newest { state: StepState::Complete.into(), at: noon() }),
            ..StepFacts::default()
        };
        let mut rails = RailsTracker::new(halfway(size), 1, noon()).unwrap_or_else(|error| panic!("{error}"));
        let mut place = 0_i64;
        group.bench_function(BenchmarkId::new("rails", size), |bencher| {
            bencher.iter(|| {
                place += 1;
                let step = size / 2 + place / 2 % 37;
                let facts = if place % 2 == 0 { complete.clone() } else { StepFacts::default() };
                black_box(rails.change(step, facts).map(|changed| changed.len()))
            });
        });
        let mut tasker = TaskTracker::new(halfway(size), 1, noon()).unwrap_or_else(|error| panic!("{error}"));
        group.bench_function(BenchmarkId::new("tasker", size), |bencher| {
            bencher.iter(|| {
                place += 1;
                let step = size / 2 + place / 2 % 37;
                let facts = if place % 2 == 0 { complete.clone() } else { StepFacts::default() };
                black_box(tasker.change(step, facts).map(|changed| (changed.len(), tasker.outlook())))
            });
        });
    }
    group.finish();
}

/// Diamonds on top of each other: 2 to the power of `rungs` paths.
fn ladder(rungs: usize) -> (usize, Vec<(usize, usize)>) {
    let edges = (0..rungs).flat_map(|rung| {
        let top = 3 * rung;
        [(top, top + 1), (top, top + 2), (top + 1, top + 3), (top + 2, top + 3)]
    });
    (3 * rungs + 1, edges.collect())
}

fn levels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("levels of a diamond ladder");
    for rungs in [100, 1_000] {
        let (nodes, edges) = ladder(rungs);
        group.bench_function(BenchmarkId::new("graph from edges", rungs), |bencher| {
            bencher.iter(|| Graph::new(nodes, black_box(&edges)));
        });
        let id = |place: usize| i64::try_from(place).unwrap_or(i64::MAX);
        let rows = Rows {
            tasks: vec![TaskRow { task_id: 1, named_task_id: 1, newest: None, fail_fast: false }],
            steps: (0..nodes)
                .map(|place| StepRow {
                    workflow_step_id: id(place),
                    task_id: 1,
                    named_step_id: 1,
                    name: "step".into(),
                    facts: StepFacts::default(),
                })
                .collect(),
            edges: edges.iter().map(|&(from, to)| Edge { from_step_id: id(from), to_step_id: id(to) }).collect(),
        };
        let snapshot = Snapshot::new(rows).unwrap_or_else(|error| panic!("{error}"));
        group.bench_function(BenchmarkId::new("levels of rows", rungs), |bencher| {
            bencher.iter(|| dependency_levels(black_box(&snapshot), 1));
        });
    }
    group.finish();
}

/// 100,000 nodes, each but the first ten with ten parents shortly before it.
fn million_edges(criterion: &mut Criterion) {
    let nodes = 100_010;
    let edges: Vec<(usize, usize)> =
        (10..nodes).flat_map(|child| (1..=10).map(move |back| (child - back, child))).collect();
    let mut group = criterion.benchmark_group("graph of 1,000,000 edges");
    group.sample_size(10);
    group.throughput(Throughput::Elements(1_000_000));
    group.bench_function("built: checked, order, levels", |bencher| {
        bencher.iter(|| Graph::new(nodes, black_box(&edges)));
    });
    let graph = Graph::new(nodes, &edges).unwrap_or_else(|error| panic!("{error}"));
    group.bench_function("critical path", |bencher| bencher.iter(|| black_box(&graph).critical_path(|_| 1)));
    group.bench_function("all descendants of a root", |bencher| bencher.iter(|| black_box(&graph).descendants(0)));
    let mut ring = edges.clone();
    ring.push((nodes - 1, 0));
    group.bench_function("a cycle through all of it found", |bencher| {
        bencher.iter(|| Graph::new(nodes, black_box(&ring)).is_err());
    });
    group.finish();
}

fn settings() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(40)
}

criterion_group! {
    name = benches;
    config = settings();
    targets = readiness_whole, readiness_incremental, levels, million_edges
}
criterion_main!(benches);
