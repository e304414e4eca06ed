//! The nine functions and the view, beside the same formulas in Rust where there are such.

use std::collections::HashMap;

use criterion::Criterion;
use tasker_domain::graph::Graph;
use tasker_domain::readiness;
use tasker_postgres::PgPool;
use tasker_postgres::functions::{
    AnalyticsMetrics, DependencyLevels, SlowestFilter, SlowestStep, SlowestTask, StepDag, StepReadiness,
    SystemHealthCounts, TaskExecutionContext, task_snapshot,
};
use tasker_postgres::models::{AssociatedTask, Model, Task};
use tokio::runtime::Runtime;

pub(crate) fn bench(criterion: &mut Criterion, runtime: &Runtime, pool: &PgPool, large: &AssociatedTask) {
    let id = large.task.task_id;
    let newest = runtime.block_on(Task::scope().last(pool)).unwrap().unwrap();
    let many: Vec<i64> = runtime.block_on(Task::all().limit(100).keys(pool)).unwrap();
    // The newest task is the large one, which is dated before all others.
    let since = Some(newest.created_at - chrono::TimeDelta::days(1));
    let filter = SlowestFilter { since, ..SlowestFilter::default() };
    let mut group = criterion.benchmark_group("functions");
    macro_rules! timed {
        ($name:literal, $call:expr) => {
            group.bench_function($name, |bencher| bencher.iter(|| runtime.block_on(async { $call.await.unwrap() })));
        };
    }
    timed!("get_step_readiness_status, 1000 steps", StepReadiness::for_task(pool, id));
    timed!("get_step_readiness_status_batch, 100 tasks of 3 steps", StepReadiness::for_tasks(pool, &many));
    timed!("get_task_execution_context, 1000 steps", TaskExecutionContext::find(pool, id));
    timed!("get_task_execution_contexts_batch, 100 tasks of 3 steps", TaskExecutionContext::for_tasks(pool, &many));
    timed!("get_analytics_metrics_v01, over all tasks", AnalyticsMetrics::since(pool, since));
    timed!("get_system_health_counts_v01", SystemHealthCounts::read(pool));
    timed!("get_slowest_steps_v01, over all tasks", SlowestStep::list(pool, &filter));
    timed!("get_slowest_tasks_v01, over all tasks", SlowestTask::list(pool, &filter));
    timed!("the view, a task of 1000 steps", StepDag::for_task(pool, id));
    timed!("calculate_dependency_levels, 1000 steps", DependencyLevels::for_task(pool, id));
    let snapshot = runtime.block_on(task_snapshot(pool, id)).unwrap().unwrap();
    let now = newest.created_at;
    timed!("the rows of readiness, 1000 steps, loaded", task_snapshot(pool, id));
    group.bench_function("readiness in Rust, 1000 steps at hand", |bencher| {
        bencher.iter(|| readiness::step_readiness(&snapshot, id, None, now).unwrap());
    });
    group.bench_function("execution context in Rust, 1000 steps at hand", |bencher| {
        bencher.iter(|| readiness::task_execution_context(&snapshot, id, now).unwrap());
    });
    group.bench_function("the view in Rust, 1000 steps at hand", |bencher| {
        bencher.iter(|| readiness::step_dag(&snapshot, id));
    });
    group.bench_function("levels in Rust, 1000 steps at hand", |bencher| bencher.iter(|| levels(large)));
    group.finish();
    let sql = runtime.block_on(StepReadiness::for_task(pool, id)).unwrap();
    let ours = readiness::step_readiness(&snapshot, id, None, now).unwrap();
    assert!(sql.iter().map(|step| step.ready_for_execution).eq(ours.iter().map(|step| step.ready_for_execution)));
    assert_eq!(runtime.block_on(StepDag::for_task(pool, id)).unwrap().len(), readiness::step_dag(&snapshot, id).len());
    let sql = runtime.block_on(DependencyLevels::for_task(pool, id)).unwrap();
    let ours = levels(large);
    assert!(sql.steps.iter().all(|step| ours[&step.workflow_step_id] == step.dependency_level as usize));
}

/// The level of each step.
fn levels(task: &AssociatedTask) -> HashMap<i64, usize> {
    let places: HashMap<i64, usize> =
        task.steps.iter().enumerate().map(|(place, step)| (step.step.workflow_step_id, place)).collect();
    let edges: Vec<(usize, usize)> = task
        .steps
        .iter()
        .enumerate()
        .flat_map(|(child, step)| step.parents.iter().map(move |parent| (*parent, child)))
        .map(|(parent, child)| (places[&parent], child))
        .collect();
    let graph = Graph::new(task.steps.len(), &edges).unwrap();
    task.steps.iter().zip(graph.levels()).map(|(step, level)| (step.step.workflow_step_id, *level)).collect()
}
