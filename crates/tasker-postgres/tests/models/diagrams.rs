//! Pictures of tasks.

use serde_json::json;
use tasker_domain::state::StepState::{Complete, Error, InProgress};
use tasker_postgres::models::task_diagram::EdgesOf;
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{Statements, dummy, moved, task};

#[tokio::test]
async fn a_task_is_drawn_as_the_original_drew_it() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (task, mut steps) = dummy(pool).await;
    moved(&steps[0], &[InProgress, Complete], pool).await;
    moved(&steps[1], &[InProgress, Error], pool).await;
    let error = json!({"error": "the \"stock\" <service> did not answer"});
    steps[1].update(pool, |step| (step.results, step.attempts) = (Some(error.into()), Some(2))).await.unwrap();
    let counted = Statements::counted();
    let diagram = task.diagram(Some("https://shop.example"), pool).await.unwrap();
    assert_eq!(counted.taken(), 7);
    insta::assert_snapshot!("mermaid", diagram.to_mermaid());
    insta::assert_snapshot!("json", diagram.to_json().get());
    let chart = &diagram.flowchart;
    assert_eq!(chart.edges_of("step_2", EdgesOf::Both).count(), 2);
    assert_eq!(chart.edges_of("step_2", EdgesOf::Outgoing).next().unwrap().label, "provides");
    assert_eq!(chart.edges_of("step_2", EdgesOf::Incoming).next().unwrap().source_id, "task_1");
    assert!(chart.find_node("step_3").is_some() && chart.find_node("step_5").is_none());
}

#[tokio::test]
async fn a_task_without_steps_is_one_node() {
    let database = TestDatabase::with_schema().await;
    let task = task(database.pool()).await;
    let diagram = task.diagram(None, database.pool()).await.unwrap();
    assert_eq!(
        diagram.to_mermaid(),
        "graph TD\nsubgraph \"Task 1: order\"\n  task_1[\"Task: order<br/>ID: 1<br/>Status: pending\"]\nend"
    );
    let untitled = task_diagram::Flowchart { title: None, ..diagram.flowchart };
    assert_eq!(untitled.to_mermaid(), "graph TD\ntask_1[\"Task: order<br/>ID: 1<br/>Status: pending\"]");
    assert!(!untitled.to_json().get().contains("title"));
}
