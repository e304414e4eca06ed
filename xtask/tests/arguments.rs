//! What can be typed behind `cargo xtask`.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use xtask::arguments::{Command, HELP, TestOptions, parse};

fn parsed(line: &str) -> Command {
    parse(line.split_whitespace().map(str::to_owned)).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    parse(arguments.iter().map(|argument| (*argument).to_owned())).unwrap_err().to_string()
}

fn test(word: Option<&str>, postgres: Option<u32>) -> Command {
    Command::Test(TestOptions { word: word.map(str::to_owned), postgres })
}

#[test]
fn tasks_are_read() {
    assert_eq!(parsed(""), Command::Help);
    assert_eq!(parsed("help"), Command::Help);
    assert_eq!(parsed("--help"), Command::Help);
    assert_eq!(parsed("test --help"), Command::Help);
    assert_eq!(parsed("licences"), Command::Licences);
    assert_eq!(parsed("behaviours"), Command::Behaviours);
    assert_eq!(parsed("test"), test(None, None));
}

#[test]
fn a_word_and_a_version_stand_in_any_order() {
    assert_eq!(parsed("test claim"), test(Some("claim"), None));
    assert_eq!(parsed("test --postgres 15"), test(None, Some(15)));
    assert_eq!(parsed("test claim --postgres=16"), test(Some("claim"), Some(16)));
    assert_eq!(parsed("test --postgres 14 claim"), test(Some("claim"), Some(14)));
}

#[test]
fn what_is_not_understood_is_named() {
    assert_eq!(refused(&["tests"]), "there is no task `tests`; `cargo xtask help` lists them");
    assert_eq!(refused(&["licences", "all"]), "`licences` takes no arguments, but `all` was given");
    assert_eq!(refused(&["test", "--pg", "15"]), "`test` has no option `--pg`; `cargo xtask help` lists them");
    assert_eq!(refused(&["test", "one", "two"]), "`test` takes one word, but both `one` and `two` were given");
    assert_eq!(
        refused(&["test", ""]),
        "the word that test names are searched for is empty; leave it out to run all tests"
    );
}

#[test]
fn a_version_of_postgresql_is_a_supported_major() {
    assert_eq!(refused(&["test", "--postgres"]), "`--postgres` needs a major version behind it, like 15");
    assert_eq!(refused(&["test", "--postgres", "new"]), "`--postgres` needs a major version like 15, not `new`");
    assert_eq!(refused(&["test", "--postgres=13"]), "PostgreSQL 13 is too old; the oldest that is supported is 14");
}

#[test]
fn help_names_every_task_and_variable() {
    for word in [
        "cargo xtask test",
        "cargo xtask licences",
        "cargo xtask behaviours",
        "--postgres N",
        "TASKER_TEST_DATABASE_URL",
        "TASKER_WORKFLOWS",
    ] {
        assert!(HELP.contains(word), "help does not speak of {word}");
    }
}
