//! How fast the record is written and read: `cargo bench -p tasker-postgres`.
//!
//! The server is a private cluster that this program makes in a temporary folder and deletes again, with the settings that
//! every private cluster has: it waits for the disk. What is told beside the times (plans, statements) is printed as
//! tables, the times come from criterion. The program fails when a scope reads a whole table although an index serves it.
#![allow(clippy::unwrap_used, reason = "a bench has nobody to tell its errors to but the one who runs it")]
#![allow(missing_docs)]

#[path = "../../tests/scopes/every.rs"]
#[allow(dead_code, reason = "the tests ask the list for more")]
mod every;
mod functions;
mod inserts;
mod loading;
mod scopes;
mod statements;

use std::time::Duration;

use criterion::Criterion;
use tasker_postgres::PgPool;
use tasker_postgres::cluster::{ClusterOptions, become_supervisor_if_asked, throwaway};
use tasker_postgres::schema::{Policy, ensure};
use tokio::runtime::Runtime;

/// How many tasks the scopes are asked about.
const TASKS: u32 = 100_000;

fn main() {
    become_supervisor_if_asked();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let cluster = runtime.block_on(throwaway(&ClusterOptions::default())).unwrap();
    let pool = runtime.block_on(prepared(cluster.handle().connect_options()));
    println!("PostgreSQL {}", cluster.handle().version());
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(10)
        .configure_from_args();
    let faults = measured(&mut criterion, &runtime, &pool);
    criterion.final_summary();
    runtime.block_on(pool.close());
    runtime.block_on(cluster.stop()).unwrap();
    assert!(faults.is_empty(), "scopes that read whole tables although an index serves them:\n{}", faults.join("\n\n"));
}

async fn prepared(options: sqlx::postgres::PgConnectOptions) -> PgPool {
    let pool = tasker_postgres::connection::connect(options, 2).await.unwrap();
    ensure(&pool, Policy::Private).await.unwrap();
    pool
}

fn measured(criterion: &mut Criterion, runtime: &Runtime, pool: &PgPool) -> Vec<String> {
    // The population comes first: it must not find the tasks that are inserted for the other measurements.
    let faults = scopes::bench(criterion, runtime, pool);
    inserts::bench(criterion, runtime, pool);
    let large = loading::bench(criterion, runtime, pool);
    functions::bench(criterion, runtime, pool, &large);
    faults
}
