//! Which tests a word chooses.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use serde_json::{Value, json};
use xtask::selection::arguments;

fn list() -> Value {
    json!({"rust-suites": {
        "tasker-domain::graph": {
            "binary-name": "graph",
            "testcases": {"a_cycle_is_named": {}, "levels::of_a_diamond": {}}
        },
        "tasker-cli::bin/tasker": {"binary-name": "tasker", "testcases": {}},
    }})
}

fn chosen(word: &str) -> Option<Vec<String>> {
    arguments(&list(), word).unwrap()
}

#[test]
fn a_function_is_chosen_by_its_name_and_module() {
    assert_eq!(chosen("cycle").unwrap(), ["cycle"]);
    assert_eq!(chosen("levels::").unwrap(), ["levels::"]);
}

#[test]
fn a_file_is_chosen_by_its_name() {
    assert_eq!(chosen("graph").unwrap(), ["--filterset", "test(~graph) | binary(~graph)"]);
}

#[test]
fn a_word_in_no_name_chooses_nothing() {
    assert_eq!(chosen("nothing_matches"), None);
    assert_eq!(chosen("domain"), None, "the package is no part of a test's name");
    assert_eq!(chosen("tasker"), None, "a file without tests is none that can be run");
}

#[test]
fn something_else_than_a_list_is_an_error() {
    assert!(arguments(&json!({}), "graph").is_err());
    assert!(arguments(&json!({"rust-suites": {"tasker-domain::graph": {}}}), "graph").is_err());
}
