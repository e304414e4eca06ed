//! A task that has not ended by its deadline is called off.

use std::sync::Arc;

use serde_json::json;
use tasker_core::{Handlers, Request, StepContext, Tasker};
use tasker_domain::json::Json;
use tokio::sync::Notify;

use crate::foreign::{LONG, Running, renamed, task_state, until};
use crate::support::{Bench, Script, diamond, template};

#[tokio::test]
async fn a_task_that_has_not_ended_by_its_deadline_is_called_off() {
    let bench = Bench::new(Script::default()).await;
    use tasker_core::clock::{Clock, SystemClock};
    let (begun, stopped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, told) = (begun.clone(), stopped.clone());
    let handler = tasker_core::handler_fn(move |step: StepContext| {
        let (tell, told) = (tell.clone(), told.clone());
        async move {
            if step.step_name() == "b" {
                tell.notify_one();
                step.cancelled().cancelled().await;
                told.notify_one();
            }
            Ok::<_, tasker_core::StepError>(tasker_core::Output::from(json!({})))
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap();
    let soon = SystemClock::new().wall_time() + chrono::TimeDelta::milliseconds(500);
    let later = soon + chrono::TimeDelta::hours(1);
    let quick = template("", &[("only", "")]);
    let quick = renamed(&quick, "quick");
    let mut worker = Running::start(tasker.clone(), &[]);
    let in_time = tasker.submit(&quick, Request::new(Json::parse("{}").unwrap()).until(later)).await.unwrap().task_id;
    assert_eq!(worker.next_end().await, in_time);
    let too_late =
        tasker.submit(&diamond(""), Request::new(Json::parse("{}").unwrap()).until(soon)).await.unwrap().task_id;
    tokio::time::timeout(LONG, begun.notified()).await.expect("b runs");
    tokio::time::timeout(LONG, stopped.notified()).await.expect("b is told to stop");
    until(
        bench.pool(),
        "select exists (select from tasker_task_transitions where to_state = 'cancelled' and most_recent)",
    )
    .await;
    let (state, actor, reason): (String, String, String) = sqlx::query_as(
        "select to_state, metadata->>'actor', metadata->>'reason' from tasker_task_transitions where task_id = $1 and most_recent",
    )
    .bind(too_late)
    .fetch_one(bench.pool())
    .await
    .unwrap();
    assert_eq!((state.as_str(), actor.as_str(), reason.as_str()), ("cancelled", "tasker", "deadline passed"));
    let open: i64 = sqlx::query_scalar(
        "select count(*) from tasker_workflow_steps s left join tasker_workflow_step_transitions x
           on x.workflow_step_id = s.workflow_step_id and x.most_recent
         where s.task_id = $1 and coalesce(x.to_state, 'pending') not in ('complete', 'cancelled')",
    )
    .bind(too_late)
    .fetch_one(bench.pool())
    .await
    .unwrap();
    assert_eq!(open, 0, "every step that had not ended is called off (R-17)");
    until(bench.pool(), "select not exists (select from tasker_engine.deadline where at < now())").await;
    assert_eq!(task_state(bench.pool(), in_time).await, "complete");
    worker.stop().await;
}
