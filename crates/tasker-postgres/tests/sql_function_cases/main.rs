//! Replays recorded calls of the original's SQL functions and view on ours: same rows, same types, same errors.
//!
//! The cases come from `tests/data/sql-function-cases.json`, or from the file that `TASKER_SQL_CASES` names. Each is
//! replayed in one transaction, so that `now()` stands still and inclusive bounds are met exactly; then rolled back.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod call;
mod setup;

use call::{Answer, Columns};
use serde_json::Value;
use setup::Identifiers;
use sqlx::{AssertSqlSafe, PgConnection};
use tasker_postgres::schema::Shape;
use tasker_testing::database::TestDatabase;

fn recorded() -> Value {
    let text = match std::env::var("TASKER_SQL_CASES") {
        Ok(path) => std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")),
        Err(_) => include_str!("../data/sql-function-cases.json").to_owned(),
    };
    serde_json::from_str(&text).unwrap()
}

#[derive(Default)]
struct Tally {
    cases: usize,
    calls: usize,
    /// Calls that the original refuses because of its declared types, and ours answer.
    answered_by_ours_only: usize,
    mismatches: Vec<String>,
}

async fn replay(database: &TestDatabase, time_zone: &str) -> Tally {
    let recorded = recorded();
    assert_eq!(recorded["format"], 1);
    let mut connection = database.pool().acquire().await.unwrap();
    let columns = Columns::read(&mut connection).await;
    let mut tally = Tally::default();
    for case in recorded["cases"].as_array().unwrap() {
        tally.cases += 1;
        run(&mut connection, &format!("BEGIN; SET LOCAL TimeZone = '{time_zone}'")).await;
        let identifiers = setup::insert(&mut connection, &recorded, &case["setup"]).await;
        for (number, call) in case["calls"].as_array().unwrap().iter().enumerate() {
            tally.calls += 1;
            run(&mut connection, "SAVEPOINT before_call").await;
            let answer = call::run(&mut connection, &columns, &recorded, &identifiers, call).await;
            run(&mut connection, "ROLLBACK TO SAVEPOINT before_call").await;
            check(&mut tally, case, number, call, &identifiers, answer);
        }
        run(&mut connection, "ROLLBACK").await;
    }
    tally
}

fn check(tally: &mut Tally, case: &Value, number: usize, call: &Value, identifiers: &Identifiers, answer: Answer) {
    let expected = call::expected(call, identifiers);
    let refused_for_its_types = expected == Answer::Error("42804".to_owned()) && call.get("variant").is_none();
    if refused_for_its_types && matches!(answer, Answer::Rows(_)) {
        tally.answered_by_ours_only += 1;
    } else if answer != expected {
        tally.mismatches.push(format!(
            "{} call {number}, {} {}:\n  expected {expected:?}\n  found    {answer:?}",
            case["id"], call["function"], call["args"]
        ));
    }
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

async fn replay_in(time_zone: &str, shape: Shape) {
    let database = TestDatabase::with_shape(shape).await;
    let tally = replay(&database, time_zone).await;
    database.drop().await;
    let shown = tally.mismatches.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(tally.mismatches.is_empty(), "{} mismatches, such as\n{shown}", tally.mismatches.len());
    println!(
        "count: {} cases, {} calls ({} of them answered by ours only, R-08), session in {time_zone}, shape {shape}",
        tally.cases, tally.calls, tally.answered_by_ours_only
    );
}

#[tokio::test]
async fn sql_function_cases() {
    replay_in("UTC", Shape::Lean).await;
}

/// The functions say themselves that stored times are UTC: the zone of the session must not matter.
#[tokio::test]
async fn sql_function_cases_in_another_time_zone() {
    replay_in("Asia/Tokyo", Shape::Full).await;
}
