//! Output without bounds, programs that do not end, attempts that change under way.

use std::fs;
use std::sync::Arc;

use serde_json::json;
use tasker_core::step_handler::command::CommandHandler;
use tasker_core::step_handler::{ErrorKind, Output, StepContext, StepError, StepHandler, handler_fn};

use super::scripts::{Scripts, handler, run_script, ship, to_json};

#[tokio::test]
async fn ten_megabytes_are_stopped_and_the_setting_named() {
    let error = run_script("head -c 10000000 /dev/zero | tr '\\0' '7'").await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Failure, "ResultTooLarge"));
    assert!(error.message().contains("1048576 bytes that execution.max_result_bytes allows"), "{error}");
}

#[tokio::test]
async fn endless_output_is_stopped() {
    let error = run_script("exec yes").await.unwrap_err();
    assert_eq!(error.class(), "ResultTooLarge");
}

#[tokio::test]
async fn the_limit_counts_the_value_and_not_the_space_around_it() {
    let scripts = Scripts::new().with("ship.sh", r#"printf '   "12345678"   '"#);
    let config = json!({ "command": "./ship.sh" });
    let with_limit = |bytes| handler(&scripts, &config).with_max_result_bytes(bytes);
    assert_eq!(with_limit(10).process(ship().build()).await.unwrap().get(), r#""12345678""#);
    assert_eq!(with_limit(9).process(ship().build()).await.unwrap_err().class(), "ResultTooLarge");
}

#[tokio::test]
async fn huge_stderr_keeps_its_end_only() {
    let error =
        run_script("head -c 20000000 /dev/zero | tr '\\0' '.' >&2; echo the end >&2; exit 1").await.unwrap_err();
    assert!(error.message().starts_with("…..."), "{error}");
    assert!(error.message().ends_with("...the end"), "{error}");
    assert!(error.message().len() < 2100, "{}", error.message().len());
}

#[tokio::test]
async fn a_program_that_reads_nothing_gets_five_megabytes_without_harm() {
    let scripts = Scripts::new().with("ship.sh", "echo '{\"ok\":true}'");
    let context = Arc::new(Output::json(&json!({ "blob": "x".repeat(5_000_000) })).unwrap());
    let step = ship().context(context).build();
    let output = handler(&scripts, &json!({ "command": "./ship.sh" })).process(step).await.unwrap();
    assert_eq!(output.get(), r#"{"ok":true}"#);
}

#[tokio::test]
async fn five_megabytes_arrive_whole() {
    let scripts = Scripts::new().with("ship.sh", "wc -c");
    let context = Arc::new(Output::json(&json!({ "blob": "x".repeat(5_000_000) })).unwrap());
    let step = ship().context(context).build();
    let output = handler(&scripts, &json!({ "command": "./ship.sh" })).process(step).await.unwrap();
    assert!(output.read::<usize>().unwrap() > 5_000_000);
}

#[tokio::test]
async fn a_step_of_a_template_that_was_not_given_as_a_file_does_not_run() {
    let config = json!({ "command": ["touch", "proof"] });
    let scripts = Scripts::new();
    let other_version =
        StepContext::builder("ship").task((7, "shop", "order", "2.0.0")).handler_config(Some(to_json(&config))).build();
    let error = handler(&scripts, &config).process(other_version).await.unwrap_err();
    assert_eq!(error.class(), "CommandNotAllowed");
    assert_eq!(
        error.message(),
        "step `ship` of shop/order 2.0.0 runs a program, and programs run only from template files that the worker is \
         given; start the worker with that file"
    );
    assert!(!scripts.path().join("proof").exists());
}

#[tokio::test]
async fn a_program_removed_after_the_check_is_a_failure_with_its_path() {
    let scripts = Scripts::new().with("ship.sh", "true");
    let handler = handler(&scripts, &json!({ "command": "./ship.sh" }));
    fs::remove_file(scripts.path().join("ship.sh")).unwrap();
    let error = handler.process(ship().build()).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Failure, "CommandNotStarted"));
    assert!(error.message().contains("ship.sh could not be started: No such file or directory"), "{error}");
}

#[tokio::test]
async fn many_programs_at_once_do_not_disturb_each_other() {
    let scripts = Scripts::new().with("ship.sh", r#"cat > /dev/null; printf '%s' "$TASKER_ATTEMPT""#);
    let handler = Arc::new(handler(&scripts, &json!({ "command": "./ship.sh" })));
    let runs = (1..=40).map(|attempt| {
        let handler = handler.clone();
        tokio::spawn(async move { handler.process(ship().attempt(attempt).build()).await })
    });
    for (attempt, outcome) in (1..=40).zip(futures_util::future::join_all(runs).await) {
        assert_eq!(outcome.unwrap().unwrap().read::<u32>().unwrap(), attempt);
    }
}

#[test]
fn the_handler_is_one_among_others() {
    fn accepts(_: impl StepHandler) {}
    accepts(CommandHandler::new());
    accepts(handler_fn(|_| async { Ok::<_, StepError>(json!({})) }));
}
