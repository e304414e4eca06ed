//! Leaving a database and coming back, and what its status says meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tasker_core::orchestration::Pulse;
use tasker_core::postgres::maintenance::{
    MaintenanceError, Reindex, leave, plan_leave, reindex, status, status_counting, tasks_of_others,
};
use tasker_core::postgres::schema::{SchemaError, Shape, adopt, compare};
use tasker_core::{Ending, Handlers, Run, StepContext, StepError, Tasker, handler_fn};
use tasker_domain::json::Json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, template};

const STEPS: [(&str, &str); 3] = [("a", ""), ("b", "depends_on_step: a"), ("c", "depends_on_step: b")];

/// A task whose second step runs until it is told to stop.
async fn while_b_runs<F: Future<Output = ()>>(bench: &Bench, pulse: Pulse, look: impl FnOnce() -> F) {
    let begun = Arc::new(Notify::new());
    let told = begun.clone();
    let handler = handler_fn(move |step: StepContext| {
        let begun = told.clone();
        async move {
            if step.step_name() == "b" {
                begun.notify_one();
                step.cancelled().cancelled().await;
                return Err(StepError::failure("told to stop"));
            }
            Ok(serde_json::json!({}))
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap().with_pulse(pulse);
    let stop = CancellationToken::new();
    let template = template("jitter: false", &STEPS);
    let run = tasker.start(Run::new(&template, Json::parse("{}").unwrap()).until(stop.clone()));
    let (report, ()) = tokio::join!(run, async {
        begun.notified().await;
        look().await;
        stop.cancel();
    });
    assert_eq!(report.unwrap().ending, Ending::Stopped);
}

#[tokio::test]
async fn nobody_leaves_while_workers_are_at_work() {
    let bench = Bench::new(Script::default()).await;
    while_b_runs(&bench, Pulse::RUN, async || {
        let refused = leave(bench.pool()).await.unwrap_err();
        let MaintenanceError::AtWork { claims } = &refused else { panic!("{refused}") };
        assert_eq!((claims.len(), claims[0].steps), (1, 1));
        assert!(refused.to_string().contains(&format!("holds 1 step of task {}", claims[0].task_id)), "{refused}");

        let now = status(bench.pool()).await.unwrap();
        let steps = now.steps.unwrap();
        assert_eq!((steps.ready, steps.waiting, steps.claimed, steps.blocked, steps.dead), (0, 0, 1, 1, 0));
        assert_eq!((now.workers.len(), now.workers[0].alive, now.workers[0].claimed), (1, true, 1));
        assert_eq!((now.tasks.by_state[0].state.as_str(), now.tasks.by_state[0].tasks), ("in_progress", 1));
        assert!(now.tasks.exact && now.tables.iter().all(|table| table.exact));
        assert_eq!(now.oldest_unfinished.unwrap().name, "test");
        let steps = now.tables.iter().find(|table| table.name == "public.tasker_workflow_steps").unwrap();
        assert_eq!(steps.rows, 3);

        let estimated = status_counting(bench.pool(), 0).await.unwrap();
        assert!(!estimated.tasks.exact && estimated.oldest_of_queue_only);
        assert!(estimated.oldest_unfinished.is_some());
    })
    .await;
    bench.database.drop().await;
}

#[tokio::test]
async fn what_is_left_is_the_original_and_can_be_adopted_again() {
    let bench = Bench::new(Script::default()).await;
    while_b_runs(&bench, Pulse::RUN, async || {}).await;
    let pool = bench.pool();
    sqlx::raw_sql("create view dashboard as select * from tasker_engine.ready").execute(pool).await.unwrap();
    let refused = plan_leave(pool).await.unwrap_err();
    assert!(matches!(&refused, MaintenanceError::Dependents { views } if views == &["public.dashboard"]), "{refused}");
    sqlx::raw_sql("drop view dashboard").execute(pool).await.unwrap();

    let rows = "select count(*) from tasker_workflow_step_transitions";
    let before: i64 = sqlx::query_scalar(rows).fetch_one(pool).await.unwrap();
    let left = leave(pool).await.unwrap();
    assert_eq!((left.abandoned, left.unfinished), (0, 1));
    let after: i64 = sqlx::query_scalar(rows).fetch_one(pool).await.unwrap();
    assert_eq!(before, after);
    let comparison = compare(&mut pool.acquire().await.unwrap()).await.unwrap();
    assert!(comparison.is_equal() && comparison.shape == Shape::Lean, "{comparison}");
    let gone = status(pool).await.unwrap();
    assert_eq!((gone.engine_version, gone.steps.is_none(), gone.workers.len()), (None, true, 0));
    for refused in [leave(pool).await.map(|_| ()), tasks_of_others(pool).await.map(|_| ()).map_err(Into::into)] {
        assert!(matches!(refused, Err(MaintenanceError::Schema(SchemaError::NotAdopted))));
    }

    adopt(pool).await.unwrap();
    let filled = reindex(pool, Reindex::default(), |_| {}).await.unwrap();
    assert_eq!(filled.looked_at, 0, "the definition went with the schema");
    assert_eq!(tasks_of_others(pool).await.unwrap(), 1);
    let report = bench.run(&template("jitter: false", &STEPS)).await;
    assert_eq!(report.ending, Ending::Complete);
    bench.database.drop().await;
}

#[tokio::test]
async fn what_a_dead_worker_holds_does_not_keep_anybody() {
    let bench = Bench::new(Script::default()).await;
    let pulse = Pulse { every: Duration::from_secs(60), lease: Duration::from_millis(1) };
    while_b_runs(&bench, pulse, async || {
        let left = plan_leave(bench.pool()).await.unwrap();
        assert_eq!((left.abandoned, left.unfinished), (1, 1));
        assert!(!status(bench.pool()).await.unwrap().workers[0].alive);
    })
    .await;
    bench.database.drop().await;
}
