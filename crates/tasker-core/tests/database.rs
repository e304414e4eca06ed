//! Opening a database that was named. That of the private cluster is tested by the program `hello` of the examples.

#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use sqlx::ConnectOptions;
use tasker_core::database::OpenError;
use tasker_core::postgres::schema::SchemaError;
use tasker_core::{Database, Ending, Handlers, StepContext, StepError, handler_fn};
use tasker_domain::json::Json;
use tasker_domain::template::{Source, Template, parse};
use tasker_testing::TestDatabase;

fn template(handler: &str) -> Template {
    let text = format!(
        "{{ name: one, task_handler_class: One, step_templates: [{{ name: a, handler_class: A, \
         handler_config: {{ note: {handler} }} }}] }}"
    );
    parse(&Source::new("one", text), None).unwrap().template
}

#[tokio::test]
async fn a_named_database_without_tables_gets_them_and_runs_tasks() {
    let test = TestDatabase::create().await;
    let database = Database::named(test.options().to_url_lossy().as_str()).await.unwrap();
    let handler = handler_fn(async |_: StepContext| Ok::<_, StepError>(serde_json::json!({})));
    let tasker = database.tasker(Handlers::new().with("A", handler)).unwrap();
    let report = tasker.run(&template("first"), Json::parse("{}").unwrap()).await.unwrap();
    assert_eq!(report.ending, Ending::Complete);
    // Another content under the same version: only a private cluster takes it unasked.
    let refused = tasker.run(&template("second"), Json::parse("{}").unwrap()).await.unwrap_err().to_string();
    assert!(refused.contains("one"), "{refused}");
    database.pool().close().await;
    test.drop().await;
}

#[tokio::test]
async fn an_applications_database_is_left_alone() {
    let test = TestDatabase::create().await;
    sqlx::query("create table orders (id int)").execute(test.pool()).await.unwrap();
    let refused = Database::named(test.options().to_url_lossy().as_str()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Schema(SchemaError::OtherApplication { .. })), "{refused}");
    test.drop().await;
}

#[tokio::test]
async fn a_url_that_is_none_is_not_repeated() {
    let refused = Database::named("mysql://me:secret@host/x").await.unwrap_err();
    assert!(matches!(refused, OpenError::Connect(_)));
    assert!(!refused.to_string().contains("secret"), "{refused}");
}
