//! A task with everything that belongs to it.

use criterion::Criterion;
use tasker_postgres::PgPool;
use tasker_postgres::models::{AssociatedTask, Task};
use tokio::runtime::Runtime;

use crate::statements::sent_by;

const SMALL: i32 = 10;
const LARGE: i32 = 1_000;

/// Gives the large task.
pub(crate) fn bench(criterion: &mut Criterion, runtime: &Runtime, pool: &PgPool) -> AssociatedTask {
    let mut loaded = Vec::new();
    let mut group = criterion.benchmark_group("task with everything");
    for steps in [SMALL, LARGE] {
        let id: i64 =
            runtime.block_on(sqlx::query_scalar(include_str!("large_task.sql")).bind(steps).fetch_one(pool)).unwrap();
        runtime.block_on(sqlx::raw_sql("analyze").execute(pool)).unwrap();
        let (task, statements) = sent_by(runtime, load(pool, id));
        println!("\na task of {} steps with everything: {statements} statements", task.steps.len());
        loaded.push((task, statements));
        group.bench_function(format!("{steps} steps"), |bencher| bencher.iter(|| runtime.block_on(load(pool, id))));
    }
    group.finish();
    assert_eq!(loaded[0].1, loaded[1].1, "the number of statements grows with the number of steps");
    let (large, _) = loaded.pop().unwrap();
    assert_eq!(large.steps.len(), LARGE as usize);
    large
}

async fn load(pool: &PgPool, id: i64) -> AssociatedTask {
    Task::scope().with_keys([id]).fetch_with_all_associated(pool).await.unwrap().pop().unwrap()
}
