//! A thousand tasks of ten steps in one call of the exchange.

use std::fmt::Write as _;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use serde_json::value::RawValue;
use tasker_domain::template::{Source, parse};
use tasker_postgres::PgPool;
use tasker_postgres::ledger::{Exchange, Ledger, NewTask, NewWorker, WorkerId};
use tokio::runtime::Runtime;

use crate::statements::sent_by;

const TASKS: usize = 1_000;
const STEPS: usize = 10;
/// Rows of the record for each task: itself, its steps and the edges of their chain. The side tables have as many again.
const ROWS: usize = TASKS * (1 + STEPS + STEPS - 1);

pub(crate) fn bench(criterion: &mut Criterion, runtime: &Runtime, pool: &PgPool) {
    let ledger = Ledger::new(pool.clone());
    let (definition, worker) = runtime.block_on(async {
        let source = Source::new("chain.yaml", template());
        let template = parse(&source, None).unwrap().template;
        let worker = NewWorker {
            name: "bench",
            lease: Duration::from_secs(3_600),
            concurrency: 1,
            task_id: None,
            queues: None,
            handlers: None,
            types: &[],
            templates: None,
        };
        let registered = ledger.register(&template, false).await.unwrap();
        (registered.definition_id, ledger.start_worker(&worker).await.unwrap())
    });
    let mut number = 0;
    let (created, statements) = sent_by(runtime, insert(&ledger, worker, tasks(definition, &mut number)));
    println!(
        "\ninsert of {created} tasks with {STEPS} steps each: {ROWS} rows of the record, {statements} statement(s)"
    );
    assert_eq!(created, TASKS);
    let mut group = criterion.benchmark_group("insert");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.measurement_time(Duration::from_secs(10));
    group.bench_function("1000 tasks with 10 steps each", |bencher| {
        bencher.iter_batched(
            || tasks(definition, &mut number),
            |tasks| runtime.block_on(insert(&ledger, worker, tasks)),
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

async fn insert(ledger: &Ledger, worker: WorkerId, tasks: Vec<NewTask>) -> usize {
    let call = Exchange { tasks: &tasks, ..Exchange::new(worker, "bench") };
    ledger.exchange(&call).await.unwrap().created.len()
}

fn tasks(definition_id: i64, number: &mut u64) -> Vec<NewTask> {
    let raw = |text: String| RawValue::from_string(text).unwrap();
    let made = (0..TASKS).map(|_| {
        *number += 1;
        NewTask {
            definition_id,
            context: raw(format!("{{\"order\": {number}, \"customer\": {{\"id\": {}}}}}", *number % 5_000)),
            key: format!("bench-{number}"),
            details: raw("{}".to_owned()),
            reserved: false,
            run_at: None,
            deadline: None,
        }
    });
    made.collect()
}

fn template() -> String {
    let mut text = "name: chain\ntask_handler_class: chain\nstep_templates:\n".to_owned();
    for step in 0..STEPS {
        _ = write!(text, "  - name: step_{step}\n    handler_class: step_{step}\n");
        if step > 0 {
            _ = writeln!(text, "    depends_on_step: step_{}", step - 1);
        }
    }
    text
}
