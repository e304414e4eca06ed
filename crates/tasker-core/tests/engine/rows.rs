//! The rows that a run leaves are those that the original writes, with what R-06 adds.

use serde_json::json;
use tasker_core::{Ending, Handlers, StepContext, StepError, Tasker, handler_fn};
use tasker_domain::json::Json;

use crate::support::{Bench, Script, diamond, step, steps, template};

#[tokio::test]
async fn a_diamond_runs_parents_before_children() {
    let bench = Bench::new(Script::default()).await;
    let report = bench.run(&diamond("")).await;
    assert_eq!(report.ending, Ending::Complete);
    assert_eq!(report.executions, 4);
    let once = |name| step(name, "complete", 1, "in_progress complete");
    assert_eq!(steps(&report), [once("a"), once("b"), once("c"), once("d")]);
    let ran: Vec<String> = bench.script.ran().into_iter().map(|(name, _)| name).collect();
    assert_eq!((ran[0].as_str(), ran[3].as_str()), ("a", "d"));
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn the_rows_are_the_originals() {
    let bench = Bench::new(Script::default().on("a", |_| Ok(json!({ "n": 1 })))).await;
    let report = bench.run(&diamond("")).await;
    let task: serde_json::Value =
        sqlx::query_scalar("select to_jsonb(t) from tasker_tasks t").fetch_one(bench.pool()).await.unwrap();
    for (column, value) in [
        ("complete", json!(true)),
        ("initiator", json!("unknown")),
        ("source_system", json!("unknown")),
        ("reason", json!("unknown")),
        ("bypass_steps", json!([])),
        ("tags", json!([])),
        ("context", json!({ "amount": 12.5 })),
    ] {
        assert_eq!(task[column], value, "{column}");
    }
    assert_eq!(task["identity_hash"].as_str().unwrap().len(), 36);
    let step_row: serde_json::Value =
        sqlx::query_scalar("select to_jsonb(s) from tasker_workflow_steps s order by 1 limit 1")
            .fetch_one(bench.pool())
            .await
            .unwrap();
    for (column, value) in [
        ("retryable", json!(true)),
        ("retry_limit", json!(3)),
        ("in_process", json!(false)),
        ("processed", json!(true)),
        ("attempts", json!(1)),
        ("backoff_request_seconds", json!(null)),
        ("skippable", json!(false)),
        ("inputs", json!({ "amount": 12.5 })),
        ("results", json!({ "n": 1 })),
    ] {
        assert_eq!(step_row[column], value, "{column}");
    }
    assert!(step_row["processed_at"].is_string() && step_row["last_attempted_at"] == step_row["processed_at"]);
    let history: Vec<(Option<String>, String, i32, bool)> = sqlx::query_as(
        "select from_state, to_state, sort_key, most_recent from tasker_task_transitions order by sort_key",
    )
    .fetch_all(bench.pool())
    .await
    .unwrap();
    let row = |from: &str, to: &str, key, recent| (Some(from.to_owned()), to.to_owned(), key, recent);
    assert_eq!(history, [row("pending", "in_progress", 10, false), row("in_progress", "complete", 20, true)]);
    let start: serde_json::Value =
        sqlx::query_scalar("select metadata from tasker_task_transitions where sort_key = 10")
            .fetch_one(bench.pool())
            .await
            .unwrap();
    assert_eq!(start["initialization_completed"], json!(true));
    assert_eq!(start["step_dependencies_established"], json!(4));
    let edges: Vec<(String, String, String)> = sqlx::query_as(
        "select p.name::text, c.name::text, e.name::text from tasker_workflow_step_edges e
         join tasker_workflow_steps f on f.workflow_step_id = e.from_step_id join tasker_named_steps p on p.named_step_id = f.named_step_id
         join tasker_workflow_steps t on t.workflow_step_id = e.to_step_id join tasker_named_steps c on c.named_step_id = t.named_step_id
         order by e.id",
    )
    .fetch_all(bench.pool())
    .await
    .unwrap();
    let edge = |from: &str, to: &str| (from.to_owned(), to.to_owned(), "provides".to_owned());
    assert_eq!(edges, [edge("a", "b"), edge("a", "c"), edge("b", "d"), edge("c", "d")]);
    assert_eq!(report.record.steps[0].results.get(), r#"{"n": 1}"#);
}

#[tokio::test]
async fn a_definition_is_registered_once() {
    let bench = Bench::new(Script::default()).await;
    bench.run(&diamond("")).await;
    bench.run(&diamond("")).await;
    let counts: (i64, i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from tasker_engine.definition), (select count(*) from tasker_named_tasks),
           (select count(*) from tasker_named_steps), (select count(*) from tasker_named_tasks_named_steps)",
    )
    .fetch_one(bench.pool())
    .await
    .unwrap();
    assert_eq!(counts, (1, 1, 4, 4));
}

#[tokio::test]
async fn another_content_under_a_used_version_is_refused() {
    let bench = Bench::new(Script::default()).await;
    bench.run(&diamond("")).await;
    let changed = diamond("fail_fast: true");
    let refused = bench.tasker().run(&changed, Json::parse("{}").unwrap()).await.unwrap_err();
    assert!(refused.to_string().contains("version 1.0.0 of tests/test is already in use"), "{refused}");
    let taken = bench.tasker().allowing_redefinition().run(&changed, Json::parse("{}").unwrap()).await.unwrap();
    assert_eq!(taken.ending, Ending::Complete);
}

#[tokio::test]
async fn a_handler_sees_its_parents_and_further_ancestors() {
    let bench = Bench::new(Script::default()).await;
    let chain = template("", &[("a", ""), ("b", "depends_on_step: a"), ("c", "depends_on_step: b")]);
    let handler = handler_fn(|step: StepContext| async move {
        match step.step_name() {
            "a" => Ok(json!({ "from": "a" })),
            "b" => Ok(json!({ "seen": step.results_of::<serde_json::Value>("a").await? })),
            _ => {
                assert_eq!(step.parent_results().len(), 1);
                let far: serde_json::Value = step.results_of("a").await?;
                let none = step.results("nobody").await?;
                Ok::<_, StepError>(json!({ "far": far, "none": none.is_none() }))
            }
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap();
    let report = tasker.run(&chain, Json::parse("{}").unwrap()).await.unwrap();
    assert_eq!(report.record.steps[1].results.get(), r#"{"seen": {"from": "a"}}"#);
    assert_eq!(report.record.steps[2].results.get(), r#"{"far": {"from": "a"}, "none": true}"#);
}

#[tokio::test]
async fn large_parents_results_are_fetched_on_demand() {
    let text = "x".repeat(200_000);
    let large = text.clone();
    let script = Script::default().on("b", move |_| Ok(json!(large))).on("c", move |_| Ok(json!(text)));
    let bench = Bench::new(script.clone()).await;
    let handler = handler_fn(move |step: StepContext| {
        let script = script.clone();
        async move {
            if step.step_name() != "d" {
                return tasker_core::StepHandler::process(&script, step).await;
            }
            let travelled = step.parent_results().len();
            let (b, c): (String, String) = (step.results_of("b").await?, step.results_of("c").await?);
            Ok(tasker_core::Output::from(json!({ "travelled": travelled, "bytes": b.len() + c.len() })))
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap();
    let report = tasker.run(&diamond(""), Json::parse("{}").unwrap()).await.unwrap();
    let results: serde_json::Value = serde_json::from_str(report.record.steps[3].results.get()).unwrap();
    assert_eq!(results, json!({ "travelled": 1, "bytes": 400_000 }));
}

#[tokio::test]
async fn numbers_keep_their_digits() {
    let bench = Bench::new(Script::default()).await;
    let exact = r#"{"big": 123456789012345678901234567890, "price": 0.30000000000000004, "scale": 1.500}"#;
    let tasker = bench.tasker();
    let report = tasker.run(&template("", &[("a", "")]), Json::parse(exact).unwrap()).await.unwrap();
    assert_eq!(report.ending, Ending::Complete);
    let stored: String =
        sqlx::query_scalar("select context::text from tasker_tasks").fetch_one(bench.pool()).await.unwrap();
    for digits in ["123456789012345678901234567890", "0.30000000000000004", "1.500"] {
        assert!(stored.contains(digits), "{stored}");
    }
}

#[tokio::test]
async fn a_session_in_another_time_zone_gives_the_same_rows() {
    let bench = Bench::new(Script::default()).await;
    let options = bench.database.options().options([("TimeZone", "Asia/Tokyo")]);
    let pool = sqlx::postgres::PgPoolOptions::new().connect_with(options).await.unwrap();
    sqlx::query("set timezone = 'Asia/Tokyo'").execute(&pool).await.unwrap();
    let tasker = Tasker::new(pool, Handlers::new().with("H", bench.script.clone()))
        .unwrap()
        .with_clock(std::sync::Arc::new(bench.clock.clone()));
    tasker.run(&template("", &[("a", "")]), Json::parse("{}").unwrap()).await.unwrap();
    let created: chrono::NaiveDateTime =
        sqlx::query_scalar("select created_at from tasker_tasks").fetch_one(bench.pool()).await.unwrap();
    assert_eq!(created.to_string(), "2026-01-01 00:00:00");
}
