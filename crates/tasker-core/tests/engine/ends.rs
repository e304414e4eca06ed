//! How tasks end.

use serde_json::json;
use tasker_core::{Ending, StepError};

use crate::support::{Bench, Script, step, steps, template};

/// left: a fails for good; right: x → y → z goes on.
fn two_branches(head: &str) -> tasker_domain::template::Template {
    template(
        head,
        &[("a", ""), ("b", "depends_on_step: a"), ("x", ""), ("y", "depends_on_step: x"), ("z", "depends_on_step: y")],
    )
}

#[tokio::test]
async fn a_dead_step_does_not_stop_what_can_still_run() {
    let script = Script::default()
        .on("a", |_| Err(StepError::permanent("no")))
        .on("y", |step| if step.attempt() < 3 { Err(StepError::failure("busy")) } else { Ok(json!({})) });
    let bench = Bench::new(script).await;
    let report = bench.run(&two_branches("")).await;
    assert_eq!(report.ending, Ending::Error);
    assert_eq!(
        steps(&report),
        [
            step("a", "error", 1, "in_progress error"),
            step("b", "pending", 0, ""),
            step("x", "complete", 1, "in_progress complete"),
            step("y", "complete", 3, "in_progress error pending in_progress error pending in_progress complete"),
            step("z", "complete", 1, "in_progress complete"),
        ]
    );
    let end: serde_json::Value = sqlx::query_scalar("select metadata from tasker_task_transitions where most_recent")
        .fetch_one(bench.pool())
        .await
        .unwrap();
    assert_eq!(end["held_by"], json!(["a"]));
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn fail_fast_starts_nothing_new() {
    let script =
        Script::default().on("a", |_| Err(StepError::permanent("no"))).on("x", |_| Err(StepError::failure("busy")));
    let bench = Bench::new(script).await;
    let report = bench.run(&two_branches("fail_fast: true")).await;
    assert_eq!(report.ending, Ending::Error);
    let by_name: std::collections::HashMap<_, _> =
        steps(&report).into_iter().map(|step| (step.0.clone(), step)).collect();
    assert_eq!(
        by_name["x"],
        step("x", "error", 1, "in_progress error"),
        "its result is recorded, but it is not tried again"
    );
    assert_eq!(by_name["y"].2, 0);
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn fail_fast_takes_ready_steps_out_of_the_line() {
    let many: Vec<String> = (0..20).map(|n| format!("s{n}")).collect();
    let rows: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "")).collect();
    let script = Script::default().on("s0", |_| Err(StepError::permanent("no")));
    let bench = Bench::new(script).await;
    let report = bench
        .tasker()
        .with_concurrency(1)
        .run(&template("fail_fast: true", &rows), tasker_domain::json::Json::parse("{}").unwrap())
        .await
        .unwrap();
    assert_eq!(report.ending, Ending::Error);
    assert_eq!(bench.script.ran().len(), 1, "nothing was claimed after the first failure");
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn a_wide_and_a_deep_graph_come_to_their_end() {
    let mut steps: Vec<(String, String)> = vec![("root".to_owned(), String::new())];
    steps.extend((0..500).map(|n| (format!("w{n}"), "depends_on_step: root".to_owned())));
    let all: Vec<String> = (0..500).map(|n| format!("w{n}")).collect();
    steps.push(("join".to_owned(), format!("depends_on_steps: [{}]", all.join(", "))));
    let mut last = "join".to_owned();
    for n in 0..50 {
        steps.push((format!("d{n}"), format!("depends_on_step: {last}")));
        last = format!("d{n}");
    }
    let rows: Vec<(&str, &str)> = steps.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
    let bench = Bench::new(Script::default()).await;
    let report = bench.run(&template("", &rows)).await;
    assert_eq!(report.ending, Ending::Complete);
    assert_eq!(report.executions, 552);
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn ten_tasks_at_once_do_not_get_in_each_others_way() {
    let bench = Bench::new(
        Script::default()
            .on("y", |step| if step.attempt() < 2 { Err(StepError::failure("busy")) } else { Ok(json!({})) }),
    )
    .await;
    let template = two_branches("");
    let tasker = bench.tasker();
    let runs = (0..10).map(|_| tasker.run(&template, tasker_domain::json::Json::parse("{}").unwrap()));
    for report in futures_util::future::join_all(runs).await {
        assert_eq!(report.unwrap().ending, Ending::Complete);
    }
    bench.assert_side_tables_empty().await;
}
