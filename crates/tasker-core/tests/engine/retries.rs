//! Retries, under a clock that is moved.

use std::time::Duration;

use chrono::NaiveDateTime;
use serde_json::json;
use tasker_core::{Ending, StepError};

use crate::support::{Bench, Script, diamond, step, steps, template};

async fn instants(bench: &Bench, name: &str) -> Vec<(String, NaiveDateTime)> {
    sqlx::query_as(
        "select t.to_state::text, t.created_at from tasker_workflow_step_transitions t
         join tasker_workflow_steps s on s.workflow_step_id = t.workflow_step_id
         join tasker_named_steps n on n.named_step_id = s.named_step_id where n.name = $1 order by t.sort_key",
    )
    .bind(name)
    .fetch_all(bench.pool())
    .await
    .unwrap()
}

/// Seconds from each failure to the claim that follows it.
async fn waits(bench: &Bench, name: &str) -> Vec<f64> {
    let rows = instants(bench, name).await;
    rows.windows(2).filter(|pair| pair[0].0 == "error").map(|pair| (pair[1].1 - pair[0].1).as_seconds_f64()).collect()
}

fn fails(times: u32, error: impl Fn() -> StepError + Send + Sync + 'static) -> Script {
    Script::default().on("b", move |step| {
        if step.attempt() <= times { Err(error()) } else { Ok(json!({ "attempt": step.attempt() })) }
    })
}

#[tokio::test]
async fn a_failure_is_tried_again_after_its_wait() {
    let bench = Bench::new(fails(2, || StepError::failure("busy"))).await;
    let report = bench.run(&diamond("jitter: false")).await;
    assert_eq!(report.ending, Ending::Complete);
    let retried = "in_progress error pending in_progress error pending in_progress complete";
    assert_eq!(steps(&report)[1], step("b", "complete", 3, retried));
    assert_eq!(waits(&bench, "b").await, [2.0, 4.0]);
    let history: Vec<String> =
        sqlx::query_scalar("select to_state::text from tasker_task_transitions order by sort_key")
            .fetch_all(bench.pool())
            .await
            .unwrap();
    assert_eq!(history.join(" "), "in_progress pending in_progress pending in_progress complete", "R-21");
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn chance_stretches_a_wait_by_at_most_a_tenth() {
    let bench = Bench::new(fails(2, || StepError::failure("busy"))).await;
    bench.run(&diamond("")).await;
    let waits = waits(&bench, "b").await;
    assert!((2.0..=2.2).contains(&waits[0]) && (4.0..=4.4).contains(&waits[1]), "{waits:?}");
}

#[tokio::test]
async fn a_wait_that_was_asked_for_is_kept_and_never_used_twice() {
    let bench = Bench::new(Script::default().on("b", |step| match step.attempt() {
        1 => Err(StepError::retryable("rate limited").retry_after(Duration::from_secs(45))),
        2 => Err(StepError::failure("busy")),
        _ => Ok(json!({})),
    }))
    .await;
    bench.run(&diamond("jitter: false")).await;
    assert_eq!(waits(&bench, "b").await, [45.0, 4.0]);
    let asked: Option<i32> = sqlx::query_scalar("select max(backoff_request_seconds) from tasker_workflow_steps")
        .fetch_one(bench.pool())
        .await
        .unwrap();
    assert_eq!(asked, None, "cleared on success (C-39)");
}

#[tokio::test]
async fn an_api_step_waits_by_the_originals_table() {
    let bench = Bench::new(fails(1, || StepError::retryable("503").with_table_wait())).await;
    let template = template("jitter: false", &[("b", "default_retry_limit: 1")]);
    let report = bench.run(&template).await;
    assert_eq!(report.ending, Ending::Error);
    let asked: Option<i32> = sqlx::query_scalar("select backoff_request_seconds from tasker_workflow_steps")
        .fetch_one(bench.pool())
        .await
        .unwrap();
    assert_eq!(asked, Some(1));
}

#[tokio::test]
async fn a_permanent_error_is_permanent() {
    let bench = Bench::new(fails(9, || StepError::permanent("card declined").with_code("DECLINED"))).await;
    let report = bench.run(&diamond("")).await;
    assert_eq!(report.ending, Ending::Error);
    assert_eq!(
        steps(&report),
        [
            step("a", "complete", 1, "in_progress complete"),
            step("b", "error", 1, "in_progress error"),
            step("c", "complete", 1, "in_progress complete"),
            step("d", "pending", 0, ""),
        ]
    );
    let row: (bool, serde_json::Value) =
        sqlx::query_as("select retryable, results from tasker_workflow_steps where attempts = 1 and not processed")
            .fetch_one(bench.pool())
            .await
            .unwrap();
    assert!(!row.0, "R-14");
    assert_eq!(row.1["error"], json!("card declined"));
    assert_eq!(row.1["error_class"], json!("Tasker::PermanentError"));
    assert_eq!(row.1["error_details"]["error_code"], json!("DECLINED"));
    assert!(row.1["backtrace"].is_string());
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn attempts_end_at_the_limit() {
    for (settings, attempts) in [
        ("default_retry_limit: 3", 3),
        ("default_retry_limit: 1", 1),
        ("default_retry_limit: 0", 1),
        ("default_retryable: false", 1),
    ] {
        let bench = Bench::new(fails(9, || StepError::failure("broken"))).await;
        let report = bench.run(&template("", &[("b", settings)])).await;
        assert_eq!(report.ending, Ending::Error, "{settings}");
        assert_eq!(report.record.steps[0].attempts, attempts, "{settings}");
        assert_eq!(report.executions, u64::from(attempts), "{settings}");
    }
}

#[tokio::test]
async fn three_days_of_retries_pass_at_once() {
    let bench = Bench::new(fails(1000, || StepError::retryable("later").retry_after(Duration::from_secs(300)))).await;
    let report = bench.run(&template("jitter: false", &[("b", "default_retry_limit: 900")])).await;
    assert_eq!(report.record.steps[0].attempts, 900);
    assert_eq!(report.elapsed, Duration::from_secs(899 * 300));
}
