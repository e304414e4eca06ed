//! A task that has not ended by its deadline is called off.

use std::sync::Arc;

use serde_json::json;
use tasker_core::{Handlers, Request, RunError, StepContext, Tasker};
use tasker_domain::code::{Code, Coded};
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

/// What would be cancelled as soon as it was there is not created; a key that a task has is answered all the same.
#[tokio::test]
async fn a_deadline_that_cannot_be_kept_is_refused_before_anything_is_written() {
    let bench = Bench::new(Script::default()).await;
    let tasker = bench.tasker();
    let now = tasker_core::clock::Clock::wall_time(&bench.clock);
    let hours = chrono::TimeDelta::hours;
    let request = || Request::new(Json::parse("{}").unwrap());
    let many = vec![request(), request().until(now + hours(1)), request().until(now)];
    let refused = tasker.submit_all(&diamond(""), many).await.unwrap_err();
    assert!(matches!(refused, RunError::DeadlinePassed { deadline, now: at } if deadline == now && at == now));
    assert_eq!(refused.code(), Code::DEADLINE_REFUSED);
    let refused = tasker.submit(&diamond(""), request().not_before(now + hours(2)).until(now + hours(1))).await;
    assert_eq!(refused.unwrap_err().code(), Code::DEADLINE_REFUSED);
    let written: i64 =
        sqlx::query_scalar("select count(*) from tasker_named_tasks").fetch_one(bench.pool()).await.unwrap();
    assert_eq!(written, 0);
    let keyed = || request().with_key("order 7").until(now + hours(1));
    let first = tasker.submit(&diamond(""), keyed()).await.unwrap();
    bench.clock.advance(std::time::Duration::from_secs(7200));
    let again = tasker.submit(&diamond(""), keyed()).await.unwrap();
    assert_eq!((again.task_id, again.created), (first.task_id, false), "who asks again is answered");
    let late = keyed().not_before(now + hours(2));
    let late = tasker.submit(&diamond(""), late).await.unwrap();
    assert_eq!((late.task_id, late.created), (first.task_id, false), "however it asks");
    let other = tasker.submit(&diamond(""), keyed().with_key("order 8")).await.unwrap_err();
    assert!(other.to_string().contains("has passed: it is "), "{other}");
}
