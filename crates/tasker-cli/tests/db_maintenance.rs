//! `tasker db` on a database that is in use: what it prints and how it ends.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use clap::Parser;
use tasker_cli::db::{self, DbCommand, DbError, DbOutcome};
use tasker_postgres::{PgPool, engine_schema::MIGRATIONS, schema::Shape};
use tasker_testing::database::TestDatabase;

#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    command: DbCommand,
}

async fn db(pool: &PgPool, words: &[&str]) -> (Result<DbOutcome, DbError>, String) {
    let program = Program::try_parse_from(["tasker"].iter().chain(words)).unwrap();
    let mut output = Vec::new();
    let outcome = db::run(&program.command, pool, &mut output).await;
    let newest = format!("version {}", MIGRATIONS.last().unwrap().0);
    (outcome, String::from_utf8(output).unwrap().replace(&newest, "version N"))
}

async fn fine(pool: &PgPool, words: &[&str]) -> String {
    let (outcome, output) = db(pool, words).await;
    assert_eq!(outcome.unwrap(), DbOutcome::Fine, "{output}");
    output
}

async fn execute(pool: &PgPool, sql: &'static str) {
    sqlx::raw_sql(sql).execute(pool).await.unwrap();
}

/// Two tasks of ours: the first step of one is claimed by a worker that lives, the other waits in the line. And one
/// task that another program made.
const TASKS: &str = r#"
    SELECT tasker_engine.register_definition_1('shop', 'order', '1.0.0', '', false, '{}', 'hash', false,
      '{a,b}', '{"",""}', '{s,s}', '{default,default}', '{H,H}', '{0,0}', '{3,3}', '{3,3}', '{true,true}', '{false,false}', '{NULL,NULL}', '{1}', '{0}');
    INSERT INTO tasker_engine.worker (name, lease) VALUES ('host:1', interval '1 hour');
    SELECT tasker_engine.exchange_1(1, 'host:1', 1, false, false, '{}', '{}', '{}', '{}', '{}', '{}', '{}', 1, 1, '{1}', false, NULL, false,
      false, '{1,1}', '{"{}","{}"}', '{k1,k2}', '{"{}","{}"}', '{false,false}', '{NULL,NULL}', '{NULL,NULL}', NULL);
    INSERT INTO tasker_tasks (named_task_id, complete, requested_at, identity_hash, created_at, updated_at)
    SELECT named_task_id, false, now() AT TIME ZONE 'UTC', 'theirs', now(), now() FROM tasker_named_tasks"#;

#[tokio::test]
async fn the_shape_is_changed_with_reasons_and_sizes() {
    let database = TestDatabase::with_shape(Shape::Full).await;
    let pool = database.pool();
    let planned = fine(pool, &["slim", "--dry-run"]).await;
    assert_eq!(planned.lines().filter(|line| line.starts_with("would drop ")).count(), 21);
    assert!(fine(pool, &["check"]).await.starts_with("shape full: equal"), "nothing was changed");

    let output = fine(pool, &["slim"]).await;
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "1/21 drop tasker_annotation_types.annotation_types_name_index (8.0 KiB): same as annotation_types_name_unique",
            "    8.0 KiB before, 0 B now"
        ]
    );
    assert_eq!(lines[lines.len() - 2], "shape full → slim: changed 21 indexes");
    assert!(lines.last().unwrap().starts_with("all indexes of Tasker's tables: "), "{output}");
    assert_eq!(fine(pool, &["slim"]).await, "shape slim: nothing to change\n");
    assert_eq!(fine(pool, &["check"]).await, "shape slim: equal to the original\n");

    execute(
        pool,
        "CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
         CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar)",
    )
    .await;
    let (refused, _) = db(pool, &["lean"]).await;
    insta::assert_snapshot!(refused.unwrap_err());
    assert!(fine(pool, &["full"]).await.contains("shape slim → full: changed 21 indexes"));
    database.drop().await;
}

#[tokio::test]
async fn status_tells_what_stands_there() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    execute(pool, TASKS).await;
    let output = fine(pool, &["status"]).await;
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"PostgreSQL \d[^\n]*", "PostgreSQL [version]");
    settings.add_filter(r"tasker_test_[0-9a-f]+, [^\n]*", "[database], [size] in all");
    settings.add_filter(r"\d+ s ago", "[seconds] ago");
    settings.add_filter(r"program    \S+", "program    [version]");
    // Sizes differ by the server's version; their order with them.
    settings.add_filter(r"(?s)\ntable  .*", "\n[tables]");
    settings.bind(|| insta::assert_snapshot!(output));
    assert!(output.contains("public.tasker_tasks                                              3 "), "{output}");

    let document: serde_json::Value = serde_json::from_str(&fine(pool, &["status", "--json"]).await).unwrap();
    assert_eq!(document["steps"], serde_json::json!({"ready": 1, "waiting": 0, "claimed": 1, "blocked": 2, "dead": 0}));
    assert_eq!(document["oldest_unfinished"]["task_id"], 1);
    assert_eq!(document["shape"], "lean");
    assert_eq!(document["tables"].as_array().unwrap().len(), 29);
    database.drop().await;
}

#[tokio::test]
async fn reindex_tells_what_it_did_and_what_is_not_ours() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    execute(pool, TASKS).await;
    insta::assert_snapshot!(fine(pool, &["reindex"]).await, @"
    up to task 2: looked at 2, rebuilt 2
    looked at 2 tasks, rebuilt 2 with 4 steps in the queue
    1 unfinished task was made by another program, without a definition here: they stay with it and are not in the queue
    ");
    execute(pool, "DELETE FROM tasker_engine.queue; UPDATE tasker_engine.definition_step SET named_step_id = 99 WHERE ix = 1; DELETE FROM tasker_tasks WHERE identity_hash = 'theirs'").await;
    let (outcome, output) = db(pool, &["reindex", "--after", "1"]).await;
    assert_eq!(outcome.unwrap(), DbOutcome::Unfinished);
    insta::assert_snapshot!(output, @"
    took out 1 row that belonged to nothing
    up to task 2: looked at 1, rebuilt 0
    looked at 1 task, rebuilt 0 with 0 steps in the queue
    left as they were, because they are not as their definition says: 2
    ");
    database.drop().await;
}

#[tokio::test]
async fn grant_prints_statements_that_psql_takes() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let role = format!("o'\"dd {}", &database.name()[12..30]);
    let quoted = format!("\"{}\"", role.replace('"', "\"\""));
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE ROLE {quoted}"))).execute(pool).await.unwrap();
    for (words, expected) in [
        (vec!["grant", &role, "--dry-run"], "[worker]"),
        (vec!["grant", &role, "--dry-run", "--read-only"], "[reader]"),
    ] {
        let output = fine(pool, &words).await;
        assert!(output.lines().all(|line| line.ends_with(';') || line.starts_with("-- ")), "{output}");
        insta::assert_snapshot!(expected, output.replace(&quoted, expected));
        sqlx::raw_sql(sqlx::AssertSqlSafe(output)).execute(pool).await.unwrap();
    }
    assert!(fine(pool, &["grant", &role]).await.contains("the rights that a worker needs ("));
    let (refused, _) = db(pool, &["grant", "nobody here"]).await;
    insta::assert_snapshot!(refused.unwrap_err(), @r#"there is no role "nobody here" on this server: create it first (CREATE ROLE … LOGIN)"#);
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP OWNED BY {quoted}; DROP ROLE {quoted}")))
        .execute(pool)
        .await
        .unwrap();
    database.drop().await;
}

#[tokio::test]
async fn rails_versions_are_written_and_the_shape_is_spoken_of() {
    let database = TestDatabase::with_shape(Shape::Slim).await;
    let pool = database.pool();
    let words = ["rails-versions", "20250720000001", "20250720000002", "--environment", "production"];
    insta::assert_snapshot!(fine(pool, &words).await, @"
    made Rails' tables schema_migrations and ar_internal_metadata
    wrote 20250720000001: to Rails this migration has run
    wrote 20250720000002: to Rails this migration has run
    the indexes have shape slim, and Rails' statements may use any of the original's: run `tasker db full`
    ");
    fine(pool, &["full"]).await;
    insta::assert_snapshot!(fine(pool, &words).await, @"
    found 20250720000001
    found 20250720000002
    ");
    assert!(Program::try_parse_from(["tasker", "rails-versions"]).is_err(), "at least one is to be named");
    database.drop().await;
}

#[tokio::test]
async fn leave_asks_first_and_adopt_comes_back() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    execute(pool, TASKS).await;
    let (refused, _) = db(pool, &["leave", "--yes"]).await;
    insta::assert_snapshot!(refused.unwrap_err(), @"
    workers are at work, so nothing was dropped; stop them first
      host:1 holds 1 step of task 1
    ");
    execute(pool, "UPDATE tasker_engine.worker SET lost = true").await;
    let (unasked, output) = db(pool, &["leave"]).await;
    assert!(matches!(unasked.unwrap_err(), DbError::NotConfirmed), "there is no terminal to ask on");
    assert_eq!(output, "");
    insta::assert_snapshot!(fine(pool, &["leave", "--yes"]).await, @"
    dropped schema tasker_engine; the record in schema public is as it was
    2 unfinished tasks are left to Rails
    1 step stands in progress and the worker is dead: nobody finishes that by itself
    ");
    assert_eq!(fine(pool, &["check"]).await, "shape lean: equal to the original\n");
    insta::assert_snapshot!(fine(pool, &["adopt"]).await, @"
    found Tasker's tables in schema public, shape lean
    made schema tasker_engine, version N
    3 unfinished tasks were made by another program, without a definition here: they stay with it and are not in the queue
    ");
    database.drop().await;
}

/// Comparing needs nothing but the catalogues; for everything else the error says who can do it or give the right.
#[tokio::test]
async fn a_role_without_rights_can_check_and_is_told_what_it_lacks() {
    let database = TestDatabase::with_schema().await;
    let role = format!("nobody_{}", &database.name()[12..40]);
    let made = format!("CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    sqlx::raw_sql(sqlx::AssertSqlSafe(made)).execute(database.pool()).await.unwrap();
    let pool = PgPool::connect_with(database.options().username(&role)).await.unwrap();
    assert_eq!(fine(&pool, &["check", "--strict"]).await, "shape lean: equal to the original\n");
    for words in ["status", "adopt", "reindex", "grant postgres", "leave --yes", "rails-versions 1"] {
        let words: Vec<&str> = words.split(' ').collect();
        let (refused, output) = db(&pool, &words).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("permission denied for "), "{words:?}: {refused}");
        assert!(refused.contains("connect as the owner of "), "{words:?}: {refused}");
        assert_eq!(output, "", "{words:?}");
    }
    pool.close().await;
    let gone = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(gone)).execute(database.pool()).await.unwrap();
    assert_eq!(fine(database.pool(), &["check"]).await, "shape lean: equal to the original\n");
    database.drop().await;
}
