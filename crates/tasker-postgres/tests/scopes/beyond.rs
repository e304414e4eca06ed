//! Scopes beyond the original's, joined orders, and sessions that were set up in another way.

use serde_json::json;
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::every::{every, populate};

#[tokio::test]
async fn pages_by_key_follow_an_order_by_joined_columns() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    populate(pool, 90).await;
    let scopes = [
        Task::scope().order_by_namespace(TaskNamespace::NAME.desc()).order_by_type(NamedTask::VERSION.asc()),
        Task::scope().order_by_type(NamedTask::NAME.asc()).order(Task::CREATED_AT.desc()),
        Task::scope().order(Task::COMPLETE.asc()).order_by_type(NamedTask::DESCRIPTION.desc()),
    ];
    for scope in scopes {
        let all = scope.clone().order(Task::TASK_ID.asc()).keys(pool).await.unwrap();
        let backwards = scope.clone().order(Task::TASK_ID.desc()).keys(pool).await.unwrap();
        let (mut seen, mut cursor) = (Vec::new(), None::<Cursor>);
        loop {
            let page = scope.fetch_page(cursor.as_ref(), 7, pool).await.unwrap();
            seen.extend(page.rows.iter().map(|task| task.task_id));
            let Some(next) = page.next else { break };
            cursor = Some(next.to_string().parse().unwrap());
        }
        assert!(seen == all || seen == backwards, "{}", scope.to_sql());
        assert_eq!(seen.len(), 90);
        let foreign = Task::scope().fetch_page(cursor.as_ref(), 7, pool).await;
        assert!(matches!(foreign, Err(ModelError::Cursor(_))), "{foreign:?}");
    }
    let names = Task::scope().order_by_type(NamedTask::NAME.desc()).limit(1).fetch(pool).await.unwrap();
    assert_eq!(Task::NAMED_TASK.of(&names[0], pool).await.unwrap().name, "type_9");
    let last = Task::scope().order_by_type(NamedTask::NAME.desc()).last(pool).await.unwrap().unwrap();
    assert_eq!(Task::NAMED_TASK.of(&last, pool).await.unwrap().name, "type_1");
    let steps = WorkflowStep::scope().order_by_task(Task::CREATED_AT.desc()).order_by_type(NamedStep::NAME.asc());
    let newest = Task::scope().last(pool).await.unwrap().unwrap();
    assert_eq!(steps.first(pool).await.unwrap().unwrap().task_id, newest.task_id);
    database.drop().await;
}

#[tokio::test]
async fn every_scope_gives_the_same_whatever_the_search_path_and_the_time_zone() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    populate(pool, 2_000).await;
    // Names that would be taken instead of the server's own, were they not written out.
    sqlx::raw_sql(
        "create schema decoy;
         create function decoy.jsonb_exists(jsonb, text) returns boolean language sql as 'select false';
         create function decoy.power(double precision, double precision) returns double precision
           language sql as 'select 0::double precision';
         create table decoy.tasker_tasks (like public.tasker_tasks)",
    )
    .execute(pool)
    .await
    .unwrap();
    let other = sqlx::postgres::PgPoolOptions::new()
        .connect_with(database.options().options([("search_path", "decoy, pg_catalog"), ("timezone", "Asia/Tokyo")]))
        .await
        .unwrap();
    for case in every(pool).await {
        let (here, there) = (case.asked.count(pool).await, case.asked.count(&other).await);
        assert_eq!(here, there, "{}::{}", case.model, case.scope);
    }
    assert!(WorkflowStepTransition::scope().with_metadata_key("execution_duration").exists(&other).await.unwrap());
    other.close().await;
    database.drop().await;
}

/// The value of an annotation under a key, as the scope compares it: by its text.
#[tokio::test]
async fn an_annotation_is_found_by_the_text_of_whatever_value_it_has() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let named_task = NamedTask::find_or_create_by_full_name("default", "noted", "0.1.0", pool).await.unwrap();
    let kind = AnnotationType::find_or_create("kind", pool).await.unwrap();
    let values = [
        ("\"text\"", "text"),
        ("\"7\"", "7"),
        ("7", "7"),
        ("7.0", "7.0"),
        ("1e3", "1000"),
        ("true", "true"),
        ("[1, {\"a\": null}]", "[1, {\"a\": null}]"),
        ("{\"b\": 1,  \"a\": \"<\"}", "{\"a\": \"<\", \"b\": 1}"),
        ("123456789012345678901234567890.10", "123456789012345678901234567890.10"),
        ("\"\\\"quoted\\\"\"", "\"quoted\""),
        ("\"1e999999999\"", "1e999999999"),
    ];
    let mut ids = Vec::new();
    for (json, _) in values {
        let task = Task::create(NewTask::of(&named_task, json!({"a": 1})), pool).await.unwrap();
        let annotation: JsonText = format!("{{\"key\": {json}}}").parse().unwrap();
        TaskAnnotation::create(NewTaskAnnotation::of(task.task_id, &kind, annotation), pool).await.unwrap();
        ids.push(task.task_id);
    }
    for (_, text) in values {
        let expected: Vec<i64> =
            ids.iter().zip(values).filter(|(_, (_, own))| *own == text).map(|(id, _)| *id).collect();
        let scope = Task::scope().by_annotation("kind", "key", text).order(Task::TASK_ID.asc());
        assert_eq!(scope.keys(pool).await.unwrap(), expected, "{text}");
    }
    assert!(!Task::scope().by_annotation("kind", "key", "1e3").exists(pool).await.unwrap());
    database.drop().await;
}

#[tokio::test]
async fn a_path_of_the_context_leads_to_exactly_one_value() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let named_task = NamedTask::find_or_create_by_full_name("default", "order", "0.1.0", pool).await.unwrap();
    let contexts = [
        json!({"a": {"b": 1}}),
        json!({"a": {"b": [1, 2]}}),
        json!({"a": {"b": {"c": 1, "d": 2}}}),
        json!({"a": [{"b": 1}]}),
        json!({"a": {"b": null}}),
        json!({"a": {}}),
        json!({"0": {"b": 1}}),
    ];
    for context in contexts {
        Task::create(NewTask::of(&named_task, context), pool).await.unwrap();
    }
    let cases = [
        (vec!["a", "b"], json!(1), 1),
        (vec!["a", "b"], json!([1]), 0),
        (vec!["a", "b"], json!([1, 2]), 1),
        (vec!["a", "b"], json!({"c": 1}), 0),
        (vec!["a", "b"], json!({"d": 2, "c": 1}), 1),
        (vec!["a", "b", "c"], json!(1), 1),
        (vec!["a", "b"], json!(null), 1),
        (vec!["a", "0", "b"], json!(1), 0),
        (vec!["0", "b"], json!(1), 1),
        (vec![], json!({"a": {}}), 1),
        (vec!["'\"", "b"], json!(1), 0),
    ];
    for (path, value, expected) in cases {
        let scope = Task::scope().with_context_path(&path, &value.clone().into());
        assert_eq!(scope.count(pool).await.unwrap(), expected, "{path:?} {value}");
    }
    database.drop().await;
}
