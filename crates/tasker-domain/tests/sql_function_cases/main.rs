//! Recorded calls of the original's SQL functions and view, answered without a database: same rows, same errors.
//!
//! The cases are those that `tasker-postgres` replays on its functions, or come from the file that `TASKER_SQL_CASES` names.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod answer;
mod expected;
mod setup;

use std::collections::BTreeMap;

use serde_json::Value;

/// What came of a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// Rows in an order in which two answers can be compared.
    Rows(Vec<Value>),
    /// The SQLSTATE.
    Error(String),
}

fn recorded() -> Value {
    let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/../tasker-postgres/tests/data/sql-function-cases.json");
    let path = std::env::var("TASKER_SQL_CASES").unwrap_or_else(|_| stored.to_owned());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn pure_rules_give_the_recorded_rows() {
    let recorded = recorded();
    assert_eq!(recorded["format"], 1);
    let (mut agreed, mut ours_only) = (BTreeMap::<String, usize>::new(), 0);
    let mut mismatches = Vec::new();
    let cases = recorded["cases"].as_array().unwrap();
    for case in cases {
        let database = setup::Database::new(&recorded, &case["setup"]);
        for (number, call) in case["calls"].as_array().unwrap().iter().enumerate() {
            let found = answer::of(&database, call);
            let wanted = expected::of(&database, call);
            // The original refuses these for its declared types; ours answer.
            let is_refused_for_types = wanted == Answer::Error("42804".to_owned()) && call.get("variant").is_none();
            if is_refused_for_types && matches!(found, Answer::Rows(_)) {
                ours_only += 1;
            } else if found == wanted {
                *agreed.entry(call["function"].as_str().unwrap().to_owned()).or_default() += 1;
            } else {
                let (id, function, arguments) = (&case["id"], &call["function"], &call["args"]);
                mismatches.push(format!(
                    "{id} call {number}, {function} {arguments}:\n  expected {wanted:?}\n  found    {found:?}"
                ));
            }
        }
    }
    let shown = mismatches.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(mismatches.is_empty(), "{} mismatches, such as\n{shown}", mismatches.len());
    let calls: usize = agreed.values().sum::<usize>() + ours_only;
    let each: Vec<String> = agreed.iter().map(|(function, calls)| format!("{function} {calls}")).collect();
    println!("count: {} cases, {calls} calls answered by pure rules ({ours_only} by ours only, R-08)", cases.len());
    println!("count: {}", each.join(", "));
    assert!(calls > 0, "no call was made");
}
