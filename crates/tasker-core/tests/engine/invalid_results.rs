//! What cannot be stored fails its own step, and says why (R-20).

use std::time::Duration;

use serde_json::json;
use tasker_core::{Ending, Handlers, StepContext, StepError, Tasker, handler_fn};
use tasker_domain::json::Json;
use tasker_domain::step_error::StoredError;

use crate::support::{Bench, Script, template};

async fn error_of(script: Script) -> String {
    let bench = Bench::new(script).await;
    let report = bench.run(&template("", &[("b", "default_retry_limit: 1"), ("other", "")])).await;
    assert_eq!(report.ending, Ending::Error);
    assert_eq!(report.record.steps[1].state.to_string(), "complete", "the other step is not harmed");
    let results: serde_json::Value = serde_json::from_str(report.record.steps[0].results.get()).unwrap();
    results["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_nul_character() {
    let error = error_of(Script::default().on("b", |_| Ok(json!({ "text": "a\u{0}b" })))).await;
    assert!(error.contains("cannot be stored"), "{error}");
}

#[tokio::test]
async fn an_oversized_result() {
    let error = error_of(Script::default().on("b", |_| Ok(json!("x".repeat(2 * 1024 * 1024))))).await;
    assert!(error.contains("execution.max_result_bytes"), "{error}");
}

#[tokio::test]
async fn a_panic() {
    let error = error_of(Script::default().on("b", |_| panic!("out of paper"))).await;
    assert_eq!(error, "the handler panicked: out of paper");
}

#[tokio::test]
async fn a_nul_character_in_an_error() {
    let error = error_of(Script::default().on("b", |_| Err(StepError::failure("bad \u{0} byte")))).await;
    assert_eq!(error, "bad \u{FFFD} byte");
}

#[tokio::test]
async fn a_time_limit() {
    let bench = Bench::new(Script::default()).await;
    let clock = bench.clock.clone();
    let handler = handler_fn(move |step: StepContext| {
        let clock = clock.clone();
        async move {
            // Nobody else moves the clock: the handler itself lets its time pass, and then waits to be stopped.
            clock.advance(Duration::from_secs(11));
            step.cancelled().cancelled().await;
            Err::<serde_json::Value, _>(StepError::failure("stopped"))
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler))
        .unwrap()
        .with_clock(std::sync::Arc::new(bench.clock.clone()));
    let report = tasker
        .run(&template("timeout_seconds: 10", &[("b", "default_retry_limit: 1")]), Json::parse("{}").unwrap())
        .await
        .unwrap();
    let results: serde_json::Value = serde_json::from_str(report.record.steps[0].results.get()).unwrap();
    assert_eq!(results["error"], json!("the attempt took longer than its time limit of 10 s"));
    assert_eq!(results["error_class"], json!("Tasker::TimeoutError"));
}

#[tokio::test]
async fn a_missing_handler_is_found_before_anything_is_written() {
    let bench = Bench::new(Script::default()).await;
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("Hh", bench.script.clone())).unwrap();
    let error = tasker.run(&template("", &[("b", "")]), Json::parse("{}").unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "no handler `H` is registered, which step `b` needs; did you mean `Hh`?");
    let rows: i64 =
        sqlx::query_scalar("select count(*) from tasker_named_tasks").fetch_one(bench.pool()).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_refused_context_writes_nothing() {
    let bench = Bench::new(Script::default()).await;
    let schema =
        "schema: { type: object, required: [id], properties: { id: { type: integer }, size: { enum: [s, m] } } }";
    let error = bench
        .tasker()
        .run(&template(schema, &[("b", "")]), Json::parse(r#"{"size": "xl"}"#).unwrap())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("id") && error.contains("size"), "{error}");
    let rows: i64 =
        sqlx::query_scalar("select (select count(*) from tasker_tasks) + (select count(*) from tasker_named_tasks)")
            .fetch_one(bench.pool())
            .await
            .unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn results_that_are_no_object_give_way_to_an_error() {
    let bench = Bench::new(Script::default()).await;
    let pool = bench.pool().clone();
    let handler = handler_fn(move |_: StepContext| {
        let pool = pool.clone();
        async move {
            // Another program has left a text in the row meanwhile.
            sqlx::query("update tasker_workflow_steps set results = '\"theirs\"'").execute(&pool).await?;
            Err::<serde_json::Value, _>(StepError::permanent("no such cart").with_code("HTTP_404"))
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler))
        .unwrap()
        .with_clock(std::sync::Arc::new(bench.clock.clone()));
    let report = tasker.run(&template("", &[("b", "")]), Json::parse("{}").unwrap()).await.unwrap();
    assert_eq!(report.ending, Ending::Error);
    let results: serde_json::Value = serde_json::from_str(report.record.steps[0].results.get()).unwrap();
    let stored = StoredError::of(&results).unwrap();
    assert_eq!(stored.message, "no such cart");
    assert_eq!(stored.class.as_deref(), Some("Tasker::PermanentError"));
    assert_eq!(stored.code.as_deref(), Some("HTTP_404"));
}
