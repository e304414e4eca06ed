//! Every scope on many tasks: its plan in the slim and the full shape, and the time of a page of twenty rows.

use std::time::Duration;

use criterion::Criterion;
use tasker_postgres::PgPool;
use tasker_postgres::maintenance::reshape;
use tasker_postgres::schema::Shape;
use tokio::runtime::Runtime;

use crate::TASKS;
use crate::every::{Case, Served, every, populate, scanned};

/// How long an index may have to wait for others, of whom there are none here.
const PATIENCE: Duration = Duration::from_secs(60);

/// What scopes read although they need not.
pub(crate) fn bench(criterion: &mut Criterion, runtime: &Runtime, pool: &PgPool) -> Vec<String> {
    runtime.block_on(populate(pool, TASKS));
    let mut faults = Vec::new();
    for shape in [Shape::Slim, Shape::Full] {
        runtime.block_on(reshape(pool, shape, PATIENCE, |_| {})).unwrap();
        runtime.block_on(sqlx::raw_sql("vacuum analyze").execute(pool)).unwrap();
        let cases = runtime.block_on(every(pool));
        println!("\n| scope ({shape}, {TASKS} tasks) | asked for | first node | index | reads whole tables |");
        println!("|---|---|---|---|---|");
        for case in &cases {
            faults.extend(planned(runtime, pool, shape, case));
        }
        if shape == Shape::Slim {
            timed(criterion, runtime, pool, &cases);
        }
    }
    faults
}

/// Prints the plan's line of the table; gives what is wrong with it.
fn planned(runtime: &Runtime, pool: &PgPool, shape: Shape, case: &Case) -> Option<String> {
    let (asked_for, plan) = match case.served {
        Served::Whole => ("all rows", runtime.block_on(case.asked.explain(pool))),
        Served::Paged | Served::Not(_) => ("a page", runtime.block_on(case.asked.explain_page(pool))),
    };
    let first = plan.lines().next().unwrap().split("  (").next().unwrap();
    let index = if plan.contains("Index") { "yes" } else { "no" };
    let tables = scanned(&plan);
    let excuse = match case.served {
        Served::Not(reason) => format!("{} ({reason})", tables.join(", ")),
        Served::Whole | Served::Paged => tables.join(", "),
    };
    println!("| {}::{} | {asked_for} | {first} | {index} | {excuse} |", case.model, case.scope);
    let fault = !tables.is_empty() && !matches!(case.served, Served::Not(_));
    fault.then(|| format!("{}::{} ({shape}) reads all of {tables:?}\n{plan}", case.model, case.scope))
}

fn timed(criterion: &mut Criterion, runtime: &Runtime, pool: &PgPool, cases: &[Case]) {
    let mut group = criterion.benchmark_group("page of 20");
    for (place, case) in cases.iter().enumerate() {
        group.bench_function(format!("{:02} {}::{}", place + 1, case.model, case.scope), |bencher| {
            bencher.iter(|| runtime.block_on(case.asked.fetch_page(pool)));
        });
    }
    group.finish();
}
