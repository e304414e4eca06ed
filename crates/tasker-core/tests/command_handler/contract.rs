//! What a program is given, and what its end means.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tasker_core::step_handler::command::Environment;
use tasker_core::step_handler::{AskedWait, ErrorKind, Output, StepHandler};

use super::manual_clock::ManualClock;
use super::scripts::{Scripts, handler, handler_within, raw, run, run_script, ship};

#[tokio::test]
async fn the_step_arrives_on_stdin_with_its_numbers_exact() {
    let scripts = Scripts::new();
    let config = json!({ "command": "cat", "config": { "carrier": "slow" } });
    let step = ship()
        .context(Arc::new(raw(r#"{"price": 12345678901234567890.123456789012345678, "big": 1e400}"#)))
        .attempt(2)
        .retry_limit(5)
        .parents(HashMap::from([("pack".to_owned(), Arc::new(raw(r#"{"weight": 1.10}"#)))]))
        .build();
    let output = handler(&scripts, &config).process(step).await.unwrap();
    assert_eq!(
        output.get(),
        concat!(
            r#"{"task":{"id":7,"namespace":"shop","name":"order","version":"1.0.0","#,
            r#""context":{"price": 12345678901234567890.123456789012345678, "big": 1e400}},"#,
            r#""step":{"id":9,"name":"ship","attempt":2,"retry_limit":5,"config":{"carrier":"slow"}},"#,
            r#""results":{"pack":{"weight": 1.10}}}"#,
        )
    );
}

#[tokio::test]
async fn a_parent_without_results_is_null_and_no_config_is_no_key() {
    let output = run(&Scripts::new(), json!({ "command": ["cat"] })).await.unwrap();
    let document: Value = output.read().unwrap();
    assert_eq!(document["results"], json!({ "pack": null }));
    assert!(document["step"].get("config").is_none());
}

#[tokio::test]
async fn the_environment_is_exactly_what_is_promised() {
    let environment: Environment = [
        ("PATH", std::env::var("PATH").unwrap().as_str()),
        ("HOME", "/home/worker"),
        ("LANG", "C.UTF-8"),
        ("CARRIER_TOKEN", "s3cret"),
        ("DATABASE_URL", "postgres://never"),
        ("TASKER_TASK", "of the worker"),
    ]
    .into_iter()
    .collect();
    let scripts = Scripts::new().with("ship.sh", "env > variables");
    let config = json!({ "command": "./ship.sh", "env": ["CARRIER_TOKEN", "NOT_SET"] });
    handler_within(environment, &scripts, &config).process(ship().attempt(3).build()).await.unwrap();

    let written = fs::read_to_string(scripts.path().join("variables")).unwrap();
    let mut variables: Vec<&str> = written
        .lines()
        // The shell makes these for itself.
        .filter(|line| !["PWD=", "OLDPWD=", "SHLVL=", "_="].iter().any(|own| line.starts_with(own)))
        .filter(|line| !line.starts_with("PATH="))
        .collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            "CARRIER_TOKEN=s3cret",
            "HOME=/home/worker",
            "LANG=C.UTF-8",
            "TASKER_ATTEMPT=3",
            "TASKER_STEP=ship",
            "TASKER_TASK=7"
        ]
    );
    assert!(written.lines().any(|line| line.starts_with("PATH=")));
}

#[tokio::test]
async fn arguments_are_handed_over_untouched_by_a_shell() {
    let scripts = Scripts::new().with("ship.sh", r#"printf '["%s","%s","%s"]' "$1" "$2" "$3""#);
    let output = run(&scripts, json!({ "command": ["./ship.sh", "$HOME *", "; rm -rf x", 1.50] })).await.unwrap();
    assert_eq!(output.get(), r#"["$HOME *","; rm -rf x","1.5"]"#);
}

#[tokio::test]
async fn it_runs_in_the_templates_folder_or_the_one_named() {
    let scripts = Scripts::new().with("where.sh", r#"printf '"%s"' "$(pwd -P)""#);
    fs::create_dir(scripts.path().join("inner")).unwrap();
    let home = fs::canonicalize(scripts.path()).unwrap();
    let read = |output: Output| output.read::<PathBuf>().unwrap();
    assert_eq!(read(run(&scripts, json!({ "command": "./where.sh" })).await.unwrap()), home);
    let config = json!({ "command": "./where.sh", "cwd": "inner" });
    assert_eq!(read(run(&scripts, config).await.unwrap()), home.join("inner"));
}

#[tokio::test]
async fn success_takes_the_json_as_it_stands() {
    assert_eq!(run_script(r#"echo ' {"n": 1.10} '"#).await.unwrap().get(), r#"{"n": 1.10}"#);
    assert_eq!(run_script("true").await.unwrap().get(), "{}");
    assert_eq!(run_script("echo; echo warning >&2").await.unwrap().get(), "{}");
    assert_eq!(run_script("echo '[1]'").await.unwrap().get(), "[1]");
}

#[tokio::test]
async fn exit_75_is_retryable_and_may_ask_for_a_wait() {
    let error = run_script("echo the carrier is busy >&2; echo 'Retry-After: 17' >&2; exit 75").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retryable);
    assert_eq!(error.asked(), AskedWait::AtLeast(Duration::from_secs(17)));
    assert_eq!(error.message(), "the carrier is busy");
    assert_eq!(error.code(), Some("EXIT_75"));

    let error = run_script("printf 'retry-after:5' >&2; exit 75").await.unwrap_err();
    assert_eq!(error.asked(), AskedWait::AtLeast(Duration::from_secs(5)));
    assert_eq!(error.message(), "`./ship.sh` ended with exit code 75 and said nothing on stderr");
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let body = "echo 'Retry-After: Tue, 01 Jul 2025 12:01:40 GMT' >&2; exit 75";
    let scripts = Scripts::new().with("ship.sh", body);
    let step = ship().clock(ManualClock::new()).build();
    let error = handler(&scripts, &json!({ "command": "./ship.sh" })).process(step).await.unwrap_err();
    assert_eq!(error.asked(), AskedWait::AtLeast(Duration::from_secs(100)));
}

#[tokio::test]
async fn retry_after_counts_only_as_the_last_line_and_only_when_understood() {
    let error = run_script("echo 'Retry-After: 17' >&2; echo busy >&2; exit 75").await.unwrap_err();
    assert_eq!((error.asked(), error.message()), (AskedWait::Nothing, "Retry-After: 17\nbusy"));
    let error = run_script("echo 'Retry-After: soon' >&2; exit 75").await.unwrap_err();
    assert_eq!((error.asked(), error.message()), (AskedWait::Nothing, "Retry-After: soon"));
    let error = run_script("echo 'Retry-After: 17' >&2; exit 1").await.unwrap_err();
    assert_eq!((error.asked(), error.message()), (AskedWait::Nothing, "Retry-After: 17"));
}

#[tokio::test]
async fn exit_65_is_permanent() {
    let error = run_script("echo no such address >&2; exit 65").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Permanent, "no such address"));
}

#[tokio::test]
async fn any_other_exit_is_an_ordinary_failure() {
    let error = run_script("echo '{}'; echo out of paper >&2; exit 3").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Failure, "out of paper"));
    assert_eq!((error.class(), error.code()), ("CommandFailed", Some("EXIT_3")));
    assert_eq!(error.details(), Some(&json!({ "exit_code": 3 })));
    let error = run_script("exit 1").await.unwrap_err();
    assert_eq!(error.message(), "`./ship.sh` ended with exit code 1 and said nothing on stderr");
}

#[tokio::test]
async fn a_killed_program_names_the_signal() {
    let error = run_script("echo half way >&2; kill -9 $$").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failure);
    assert_eq!(error.message(), "`./ship.sh` was killed by signal 9 (SIGKILL): half way");
    assert_eq!(error.class(), "CommandKilled");
}

#[tokio::test]
async fn no_json_is_a_failure_that_shows_the_beginning() {
    let error = run_script("echo 'Shipped to Ørsted!'").await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Failure, "InvalidResult"));
    assert_eq!(
        error.message(),
        "`./ship.sh` must print one JSON value to stdout, which this is not (expected value at line 1 column 1); it \
         printed: Shipped to Ørsted!"
    );
    let two = run_script("echo '{} {}'").await.unwrap_err();
    assert!(two.message().contains("trailing characters"), "{two}");
    let latin1 = run_script(r"printf '\042\351\042'").await.unwrap_err();
    assert!(latin1.message().contains("not bytes outside UTF-8"), "{latin1}");
    let long = run_script("printf 'x%.0s' $(seq 1000)").await.unwrap_err();
    assert!(long.message().ends_with(&format!("printed: {}…", "x".repeat(200))), "{long}");
}

#[tokio::test]
async fn a_message_is_the_end_of_stderr_without_what_steers_a_terminal() {
    let error = run_script(r"printf '\033[31mred\033[0m\a\r\nnext\377\n' >&2; exit 1").await.unwrap_err();
    assert_eq!(error.message(), "red\nnext\u{fffd}");
}
