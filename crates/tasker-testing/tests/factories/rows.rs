//! Each builder and its traits.

use chrono::TimeDelta;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tasker_postgres::functions::StepReadiness;
use tasker_testing::TestDatabase;
use tasker_testing::factories::{StepBuilder, StepMove, TaskBuilder, TaskMove};

use super::{factory, rows};

const TABLES: [&str; 13] = [
    "tasker_annotation_types",
    "tasker_dependent_system_object_maps",
    "tasker_dependent_systems",
    "tasker_named_steps",
    "tasker_named_tasks",
    "tasker_named_tasks_named_steps",
    "tasker_task_annotations",
    "tasker_task_namespaces",
    "tasker_task_transitions",
    "tasker_tasks",
    "tasker_workflow_step_edges",
    "tasker_workflow_step_transitions",
    "tasker_workflow_steps",
];

#[tokio::test]
async fn every_table_has_a_builder_that_makes_what_it_refers_to() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    factory.task_annotation().create().await.unwrap();
    factory.dependent_system_object_map().create().await.unwrap();
    factory.named_tasks_named_step().skippable().retry_limit(5).create().await.unwrap();
    factory.task_transition().create().await.unwrap();
    factory.workflow_step_transition().create().await.unwrap();
    factory.workflow_step_edge().create().await.unwrap();
    for table in TABLES {
        assert!(!rows(&database, table).await.is_empty(), "{table} is empty");
    }
    let join = rows(&database, "tasker_named_tasks_named_steps").await.remove(0);
    assert_eq!(
        (&join["skippable"], &join["default_retryable"], &join["default_retry_limit"]),
        (&json!(true), &json!(true), &json!(5))
    );
    database.drop().await;
}

#[tokio::test]
async fn definitions_have_names_and_descriptions_and_no_two_the_same() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    for _ in 0..3 {
        factory.named_task().create().await.unwrap();
        factory.named_step().create().await.unwrap();
        factory.task_namespace().create().await.unwrap();
        factory.annotation_type().create().await.unwrap();
    }
    for (table, expected) in [
        ("tasker_dependent_systems", 3),
        ("tasker_named_tasks", 3),
        ("tasker_named_steps", 3),
        ("tasker_task_namespaces", 4),
        ("tasker_annotation_types", 3),
    ] {
        let rows = rows(&database, table).await;
        let names: BTreeSet<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
        assert_eq!((rows.len(), names.len()), (expected, expected), "{table}");
        assert!(rows.iter().all(|row| !row["description"].as_str().unwrap().is_empty()), "{table}");
    }
    assert_eq!(rows(&database, "tasker_named_steps").await[0]["dependent_system_id"], json!(1));
    database.drop().await;
}

#[tokio::test]
async fn definitions_of_a_known_name_are_taken_as_they_are() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let api = factory.dependent_system().named("api").create().await.unwrap();
    assert_eq!(factory.dependent_system().named("api").create().await.unwrap().id, api.id);
    let fetch = factory.named_step().fetch_cart().create().await.unwrap();
    assert_eq!((fetch.row.name.as_str(), i64::from(fetch.row.dependent_system_id)), ("fetch_cart", api.id));
    assert_eq!(factory.named_step().fetch_cart().create().await.unwrap().id, fetch.id);
    let task = factory.named_task().api_integration().create().await.unwrap();
    assert_eq!((task.row.name.as_str(), task.row.version.as_str()), ("api_integration_task", "0.1.0"));
    let newer = factory.named_task().api_integration().version("2.0.0").create().await.unwrap();
    let elsewhere = factory.named_task().api_integration().in_namespace("payments").create().await.unwrap();
    assert_eq!(BTreeSet::from([task.id, newer.id, elsewhere.id]).len(), 3);
    assert_eq!(factory.named_task().api_integration().create().await.unwrap().id, task.id);
    let systems: Vec<Value> =
        rows(&database, "tasker_dependent_systems").await.into_iter().map(|row| row["name"].clone()).collect();
    assert_eq!(systems, ["api"]);
    database.drop().await;
}

#[tokio::test]
async fn a_task_has_its_defaults() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let task = factory.task().create().await.unwrap();
    let found = rows(&database, "tasker_tasks").await.remove(0);
    assert_eq!(found["task_id"], json!(task.id));
    for (column, expected) in [
        ("initiator", json!("test_user")),
        ("source_system", json!("test_system")),
        ("reason", json!("automated_test")),
        ("complete", json!(false)),
        ("tags", json!([])),
        ("bypass_steps", json!([])),
    ] {
        assert_eq!(found[column], expected, "{column}");
    }
    assert_eq!(found["context"]["test"], true);
    assert!(found["requested_at"].is_string());
    let named_task = rows(&database, "tasker_named_tasks").await.remove(0);
    assert_eq!((&named_task["name"], &named_task["version"]), (&json!("dummy_task"), &json!("0.1.0")));
    assert_eq!(rows(&database, "tasker_task_namespaces").await[0]["name"], "default");
    assert_eq!(rows(&database, "tasker_task_transitions").await, [] as [Value; 0]);
    let other = factory.task().create().await.unwrap();
    assert_ne!(task.row.identity_hash, other.row.identity_hash);
    database.drop().await;
}

#[tokio::test]
async fn task_traits_change_what_they_name() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let checkout = factory.task().api_integration().create().await.unwrap();
    assert_eq!(checkout.row.context, Some(json!({"cart_id": 123})));
    assert_eq!(checkout.row.initiator.as_deref(), Some("api_client"));
    let nightly = factory.task().data_processing().create().await.unwrap();
    assert_eq!(nightly.row.reason.as_deref(), Some("daily_batch_processing"));
    let names: Vec<Value> =
        rows(&database, "tasker_named_tasks").await.into_iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["api_integration_task", "data_processing_task"]);
    let context = |builder: TaskBuilder<'_>| {
        let mut context = None;
        drop(builder.with(|row| context.clone_from(&row.context)));
        context.unwrap()
    };
    assert_eq!(context(factory.task().with_cart_context()), json!({"cart_id": 456, "user_id": 789}));
    assert_eq!(context(factory.task().with_order_context()), json!({"order_id": 123, "customer_id": 456}));
    assert_eq!(context(factory.task().with_complex_context())["items"].as_array().unwrap().len(), 2);
    let tagged = factory.task().with_tags().with_bypass_steps().create().await.unwrap();
    assert_eq!(tagged.row.tags, Some(json!(["urgent", "customer_facing", "revenue_impacting"])));
    assert_eq!(tagged.row.bypass_steps, Some(json!(["validation_step", "approval_step"])));
    database.drop().await;
}

/// State, sort key and flag of each line of a history, and that each says where it came from.
fn history(rows: &[Value]) -> Vec<(String, i64, bool)> {
    for pair in rows.windows(2) {
        assert_eq!(pair[1]["from_state"], pair[0]["to_state"]);
    }
    let line = |row: &Value| {
        let state = row["to_state"].as_str().unwrap().to_owned();
        (state, row["sort_key"].as_i64().unwrap(), row["most_recent"].as_bool().unwrap())
    };
    rows.iter().map(line).collect()
}

fn expected(lines: &[(&str, i64)]) -> Vec<(String, i64, bool)> {
    let last = lines.len().saturating_sub(1);
    lines.iter().enumerate().map(|(place, &(state, key))| (state.to_owned(), key, place == last)).collect()
}

#[tokio::test]
async fn tasks_of_every_state_have_its_history() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    for (builder, complete, lines) in [
        (factory.task(), false, vec![]),
        (factory.task().in_progress(), false, vec![("pending", 0), ("in_progress", 1)]),
        (factory.task().complete(), true, vec![("pending", 0), ("in_progress", 1), ("complete", 2)]),
        (factory.task().error(), false, vec![("pending", 0), ("in_progress", 1), ("error", 2)]),
        (factory.task().cancelled(), false, vec![("pending", 0), ("cancelled", 2)]),
    ] {
        let (task, made) = builder.create_with_history().await.unwrap();
        let stored = rows(&database, "tasker_task_transitions").await;
        let stored: Vec<Value> = stored.into_iter().filter(|row| row["task_id"] == json!(task.id)).collect();
        assert_eq!(history(&stored), expected(&lines));
        assert_eq!((made.len(), task.row.complete), (lines.len(), complete));
    }
    let task = factory.task().create().await.unwrap();
    let retried = factory.task_history(task.id, &TaskMove::RETRIED).await.unwrap();
    let keys: Vec<i32> = retried.iter().map(|line| line.row.sort_key).collect();
    assert_eq!(keys, [0, 1, 2, 3, 4, 5]);
    database.drop().await;
}

#[tokio::test]
async fn a_step_has_its_defaults_and_a_task_and_a_type() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let step = factory.workflow_step().create().await.unwrap();
    let found = rows(&database, "tasker_workflow_steps").await.remove(0);
    for (column, expected) in [
        ("workflow_step_id", json!(step.id)),
        ("retryable", json!(true)),
        ("retry_limit", json!(3)),
        ("skippable", json!(false)),
        ("in_process", json!(false)),
        ("processed", json!(false)),
        ("attempts", json!(0)),
        ("results", json!({})),
    ] {
        assert_eq!(found[column], expected, "{column}");
    }
    assert_eq!(found["inputs"]["test"], true);
    let readiness = StepReadiness::for_task(database.pool(), step.row.task_id).await.unwrap().remove(0);
    assert_eq!((readiness.current_state.as_str(), readiness.ready_for_execution), ("pending", true));
    database.drop().await;
}

#[tokio::test]
async fn steps_of_every_state_have_its_history_and_columns() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let begun = [("pending", 0), ("in_progress", 1)];
    let ended = |state| [begun[0], begun[1], (state, 2)].to_vec();
    let thrice: Vec<_> = (0..9).map(|key| (["pending", "in_progress", "error"][key % 3], key as i64)).collect();
    let retried = vec![begun[0], begun[1], ("error", 2), ("pending", 3), ("in_progress", 4), ("complete", 5)];
    for (builder, attempts, processed, in_process, lines) in [
        (factory.workflow_step().in_progress(), 1, false, true, begun.to_vec()),
        (factory.workflow_step().complete(), 0, true, false, ended("complete")),
        (factory.workflow_step().successful_api_call(), 1, true, false, ended("complete")),
        (factory.workflow_step().completed_after_retry(), 2, true, false, retried),
        (factory.workflow_step().error(), 1, false, false, ended("error")),
        (factory.workflow_step().failed_with_retry(), 2, false, false, ended("error")),
        (factory.workflow_step().max_retries_reached(), 3, false, false, thrice),
        (factory.workflow_step().cancelled(), 0, false, false, vec![("pending", 0), ("cancelled", 2)]),
        (
            factory.workflow_step().resolved_manually(),
            0,
            true,
            false,
            [ended("error"), vec![("resolved_manually", 3)]].concat(),
        ),
    ] {
        let (step, made) = builder.create_with_history().await.unwrap();
        let stored = rows(&database, "tasker_workflow_step_transitions").await;
        let stored: Vec<Value> = stored.into_iter().filter(|row| row["workflow_step_id"] == json!(step.id)).collect();
        assert_eq!(history(&stored), expected(&lines));
        assert_eq!(made.len(), lines.len());
        let row = &step.row;
        assert_eq!((row.attempts, row.processed, row.in_process), (Some(attempts), processed, in_process), "{lines:?}");
        assert_eq!(row.processed_at.is_some(), processed);
        let readiness = StepReadiness::for_task(database.pool(), row.task_id).await.unwrap().remove(0);
        assert_eq!(readiness.current_state, lines.last().unwrap().0);
    }
    let complete = factory.workflow_step().complete().create().await.unwrap();
    assert_eq!(complete.row.results.unwrap()["success"], true);
    database.drop().await;
}

#[tokio::test]
async fn step_traits_change_what_they_name() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let row = |builder: StepBuilder<'_>| {
        let mut copy = None;
        drop(builder.with(|row| copy = Some(row.clone())));
        copy.unwrap()
    };
    let fixed = row(factory.workflow_step().non_retryable());
    assert_eq!((fixed.retryable, fixed.retry_limit), (false, Some(0)));
    assert_eq!(row(factory.workflow_step().high_retry_limit()).retry_limit, Some(10));
    assert!(row(factory.workflow_step().skippable()).skippable);
    let [api, processing, validation] = [
        factory.workflow_step().with_api_results(),
        factory.workflow_step().with_processing_results(),
        factory.workflow_step().with_validation_results(),
    ]
    .map(|builder| row(builder).results.unwrap());
    assert_eq!((&api["status"], &processing["processed_items"]), (&json!(200), &json!(5)));
    assert_eq!(validation["valid"], true);

    // Unlike the original's, this wait has not passed.
    let waiting = factory.workflow_step().with_backoff().create().await.unwrap();
    let readiness = StepReadiness::for_task(database.pool(), waiting.row.task_id).await.unwrap().remove(0);
    assert!(!readiness.ready_for_execution);
    assert_eq!(readiness.next_retry_at, Some(factory.now() + TimeDelta::seconds(30)));
    let exhausted = factory.workflow_step().max_retries_reached().create().await.unwrap();
    let readiness = StepReadiness::for_task(database.pool(), exhausted.row.task_id).await.unwrap().remove(0);
    assert_eq!(readiness.retry_status().as_str(), "max_retries_reached");
    database.drop().await;
}

#[tokio::test]
async fn transitions_have_the_values_of_their_move() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let plain = factory.task_transition().create().await.unwrap();
    assert_eq!((plain.row.to_state.as_str(), plain.row.sort_key), ("pending", 0));
    assert_eq!((plain.row.metadata, plain.row.most_recent), (json!({}), true));
    let plain = factory.workflow_step_transition().create().await.unwrap();
    assert_eq!((plain.row.to_state.as_str(), plain.row.sort_key), ("pending", 0));
    for (change, state, key, word) in [
        (TaskMove::Initial, "pending", 0, "created_by"),
        (TaskMove::Start, "in_progress", 1, "triggered_by"),
        (TaskMove::Complete, "complete", 2, "triggered_by"),
        (TaskMove::Error, "error", 2, "failed_steps"),
        (TaskMove::Cancel, "cancelled", 2, "reason"),
        (TaskMove::Retry, "pending", 3, "retry_count"),
        (TaskMove::ManualResolution, "resolved_manually", 3, "resolution_notes"),
    ] {
        let made = factory.task_transition().moved(change).create().await.unwrap().row;
        assert_eq!((made.to_state.as_str(), made.sort_key), (state, key));
        assert!(!made.metadata[word].is_null(), "{change:?} has no {word}");
    }
    for (change, state, key, word) in [
        (StepMove::Initial, "pending", 0, "created_by"),
        (StepMove::Start, "in_progress", 1, "triggered_by"),
        (StepMove::Complete, "complete", 2, "execution_time_ms"),
        (StepMove::Error, "error", 2, "will_retry"),
        (StepMove::Retry, "pending", 3, "backoff_seconds"),
        (StepMove::Cancel, "cancelled", 2, "reason"),
        (StepMove::ManualResolution, "resolved_manually", 3, "resolution_notes"),
        (StepMove::Skip, "complete", 1, "skip_reason"),
    ] {
        let made = factory.workflow_step_transition().moved(change).create().await.unwrap().row;
        assert_eq!((made.to_state.as_str(), made.sort_key), (state, key));
        assert!(!made.metadata[word].is_null(), "{change:?} has no {word}");
    }
    let task = factory.task().create().await.unwrap();
    let first = factory.task_transition().of(task.id).moved(TaskMove::Start).superseded().create().await.unwrap();
    let second = factory.task_transition().of(task.id).moved(TaskMove::Error).from("in_progress").sort_key(7);
    let second = second.create().await.unwrap().row;
    assert_eq!((first.row.most_recent, second.sort_key, second.from_state.as_deref()), (false, 7, Some("in_progress")));
    database.drop().await;
}

#[tokio::test]
async fn an_edge_joins_two_steps_of_one_task() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let (edge, from, to) = factory.workflow_step_edge().cart_to_validation().create().await.unwrap();
    let (from, to) = (from.unwrap(), to.unwrap());
    assert_eq!((edge.row.name.as_str(), edge.row.from_step_id, edge.row.to_step_id), ("provides", from.id, to.id));
    assert_eq!(from.row.task_id, to.row.task_id);
    let names: Vec<String> = StepReadiness::for_task(database.pool(), from.row.task_id)
        .await
        .unwrap()
        .into_iter()
        .map(|step| format!("{} {}", step.name, step.dependency_status()))
        .collect();
    assert_eq!(names, ["fetch_cart no_dependencies", "validate_products 0/1_satisfied"]);
    let task_id = from.row.task_id;
    let (_, _, order) = factory.workflow_step_edge().of(task_id).validation_to_order().create().await.unwrap();
    let (edge, _, event) = factory.workflow_step_edge().of(task_id).order_to_event().create().await.unwrap();
    assert_eq!((order.unwrap().row.task_id, event.unwrap().row.task_id), (task_id, task_id));
    let (blocks, none, _) =
        factory.workflow_step_edge().between(edge.row.to_step_id, from.id).named("blocks").create().await.unwrap();
    assert_eq!((blocks.row.name.as_str(), none), ("blocks", None));
    database.drop().await;
}

#[tokio::test]
async fn annotations_and_identifiers_say_what_they_are_given() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let task = factory.task().create().await.unwrap();
    for text in ["one", "two"] {
        let annotation = factory.task_annotation().of(task.id).kind("dummy-annotation").saying(json!({"says": text}));
        let annotation = annotation.create().await.unwrap().row;
        assert_eq!((annotation.task_id, annotation.annotation), (task.id, Some(json!({"says": text}))));
    }
    assert_eq!(rows(&database, "tasker_annotation_types").await.len(), 1);
    let one = factory.dependent_system().create().await.unwrap().small_id();
    let two = factory.dependent_system().create().await.unwrap().small_id();
    factory.dependent_system_object_map().between(one, two).joining("a-1", "b-1").create().await.unwrap();
    let map = rows(&database, "tasker_dependent_system_object_maps").await.remove(0);
    assert_eq!((&map["dependent_system_one_id"], &map["remote_id_two"]), (&json!(one), &json!("b-1")));
    database.drop().await;
}
