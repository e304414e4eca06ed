//! `tasker db`: what it prints and how it ends.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use clap::Parser;
use tasker_cli::db::{self, DbCommand, DbError, DbOutcome};
use tasker_postgres::{PgPool, engine_schema::MIGRATIONS, schema::Shape};
use tasker_testing::database::TestDatabase;
use tasker_testing::rails::{FunctionMigration, make_schema};

#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    command: DbCommand,
}

async fn db(pool: &PgPool, words: &str) -> (Result<DbOutcome, DbError>, String) {
    let program = Program::try_parse_from(format!("tasker {words}").split(' ')).unwrap();
    let mut output = Vec::new();
    let outcome = db::run(&program.command, pool, &mut output).await;
    // The number grows with each release; what is said about it does not.
    let newest = format!("version {}", MIGRATIONS.last().unwrap().0);
    (outcome, String::from_utf8(output).unwrap().replace(&newest, "version N"))
}

#[tokio::test]
async fn create_makes_what_is_missing_and_says_so() {
    let database = TestDatabase::create().await;
    let (refused, output) = db(database.pool(), "check").await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the database has none of Tasker's tables: run `tasker db create` to make them"
    );
    assert_eq!(output, "");

    let (made, output) = db(database.pool(), "create").await;
    assert_eq!(made.unwrap(), DbOutcome::Fine);
    insta::assert_snapshot!(output, @"
    made Tasker's tables in schema public, shape slim
    made schema tasker_engine, version N
    ");
    let (_, output) = db(database.pool(), "create --full").await;
    insta::assert_snapshot!(output, @"
    found Tasker's tables in schema public, shape slim
    found schema tasker_engine, version N
    the tables keep their shape: full was asked for, slim was found
    ");
    let (equal, output) = db(database.pool(), "check").await;
    assert_eq!(equal.unwrap(), DbOutcome::Fine);
    assert_eq!(output, "shape slim: equal to the original\n");
    database.drop().await;
}

#[tokio::test]
async fn each_shape_can_be_asked_for_but_only_one_at_a_time() {
    for shape in ["lean", "slim", "full"] {
        let database = TestDatabase::create().await;
        db(database.pool(), &format!("create --{shape}")).await.0.unwrap();
        assert_eq!(db(database.pool(), "check").await.1, format!("shape {shape}: equal to the original\n"));
        database.drop().await;
    }
    assert!(Program::try_parse_from(["tasker", "create", "--lean", "--full"]).is_err());
}

#[tokio::test]
async fn check_lists_what_differs_and_ends_otherwise() {
    let database = TestDatabase::with_shape(Shape::Full).await;
    sqlx::raw_sql("ALTER TABLE tasker_tasks ALTER COLUMN complete SET DEFAULT true; DROP INDEX tasks_tags_idx")
        .execute(database.pool())
        .await
        .unwrap();
    let (differs, output) = db(database.pool(), "check").await;
    assert_eq!(differs.unwrap(), DbOutcome::Differs);
    insta::assert_snapshot!(output, @"
    shape full: 2 differences from the original
      columns
        tasker_tasks.complete: expected default false; found default true
      indexes
        tasker_tasks.tasks_tags_idx: missing; expected unique no, primary no, columns tags, method gin
    ");
    let (differs, output) = db(database.pool(), "check --json").await;
    assert_eq!(differs.unwrap(), DbOutcome::Differs);
    let document: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(document["shape"], "full");
    assert_eq!(document["differences"].as_array().unwrap().len(), 2);
    assert_eq!(document["equal"], false);
    database.drop().await;
}

#[tokio::test]
async fn what_stands_beside_the_original_counts_only_when_strict() {
    let database = TestDatabase::with_shape(Shape::Full).await;
    let pool = database.pool();
    assert_eq!(db(pool, "check --strict").await.0.unwrap(), DbOutcome::Fine);
    sqlx::raw_sql(
        "CREATE INDEX of_the_host ON tasker_tasks (updated_at); CREATE TABLE orders (id integer PRIMARY KEY);
         CREATE INDEX orders_id ON orders (id); CREATE FUNCTION total() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    )
    .execute(pool)
    .await
    .unwrap();
    let (equal, output) = db(pool, "check").await;
    assert_eq!(equal.unwrap(), DbOutcome::Fine);
    insta::assert_snapshot!(output, @"
    shape full: equal to the original
    beside the original, harmless:
      indexes
        tasker_tasks.of_the_host: not in the original; found unique no, primary no, columns updated_at asc, method btree
    ");
    let (differs, strict) = db(pool, "check --strict").await;
    assert_eq!(differs.unwrap(), DbOutcome::Differs);
    assert_eq!(strict, format!("{output}with --strict, what stands beside the original counts\n"));
    let (differs, document) = db(pool, "check --strict --json").await;
    assert_eq!(differs.unwrap(), DbOutcome::Differs);
    insta::assert_snapshot!(document);
    let lenient: serde_json::Value = serde_json::from_str(&db(pool, "check --json").await.1).unwrap();
    assert_eq!((&lenient["equal"], &lenient["strict"]), (&true.into(), &false.into()));
    database.drop().await;
}

#[tokio::test]
async fn a_database_of_rails_is_recognised_by_its_functions() {
    for (migration, words) in [(FunctionMigration::First, "first"), (FunctionMigration::Second, "second")] {
        let database = TestDatabase::create().await;
        make_schema(database.pool(), migration).await;
        let (equal, output) = db(database.pool(), "check --strict").await;
        assert_eq!(equal.unwrap(), DbOutcome::Fine, "{output}");
        let expected =
            format!("the functions that tell which steps are ready are as the original's {words} migration makes them");
        assert!(output.ends_with(&format!("{expected}\n")), "{output}");
        let document: serde_json::Value = serde_json::from_str(&db(database.pool(), "check --json").await.1).unwrap();
        assert_eq!(document["readiness_functions"], format!("{words}_migration"));
        let (adopted, output) = db(database.pool(), "adopt").await;
        assert_eq!(adopted.unwrap(), DbOutcome::Fine);
        assert_eq!(
            output,
            format!(
                "found Tasker's tables in schema public, shape full\nmade schema tasker_engine, version N\n{expected}; they stay as \
                 they are\n"
            )
        );
        database.drop().await;
    }
}

#[tokio::test]
async fn adopt_adds_only_what_is_ours() {
    let database = TestDatabase::with_shape(Shape::Full).await;
    sqlx::raw_sql("DROP SCHEMA tasker_engine CASCADE").execute(database.pool()).await.unwrap();
    let (adopted, output) = db(database.pool(), "adopt").await;
    assert_eq!(adopted.unwrap(), DbOutcome::Fine);
    insta::assert_snapshot!(output, @"
    found Tasker's tables in schema public, shape full
    made schema tasker_engine, version N
    ");
    database.drop().await;
}
