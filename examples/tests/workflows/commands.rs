//! The definitions of this folder whose steps are shell scripts: the scripts really run, only their waiting is cut out.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tasker_core::step_handler::SharedHandler;
use tasker_core::step_handler::command::{CommandHandler, Environment};
use tasker_domain::json::Json;
use tasker_domain::template::Template;
use tempfile::TempDir;

use crate::expected::{compare_part, transitions_of};
use crate::harness::{self, Bench, Ended, Report};

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with a program `sleep` that returns at once, to be put first on `PATH`.
fn no_sleep() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("sleep");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

async fn run(file: &Path, context: &str) -> (Template, Ended) {
    let no_sleep = no_sleep();
    let mut path = OsString::from(no_sleep.path());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let template = harness::template(file, 0);
    let mut handler = CommandHandler::within(Environment::from_iter([("PATH", path)]));
    handler.add_template(&template, file.parent().unwrap()).unwrap();
    let handler: SharedHandler = Arc::new(handler);
    let ended = Bench::new().await.run(&template, context, vec![(CommandHandler::NAME, handler)]).await;
    (template, ended)
}

async fn ran(file: &Path, context: &str) -> Report {
    match run(file, context).await.1 {
        Ended::Ran(report) => report,
        Ended::Refused(violations) => panic!("the context was refused: {}", violations.join("; ")),
    }
}

async fn refused(file: &Path, context: &str) -> String {
    match run(file, context).await.1 {
        Ended::Ran(report) => panic!("the context was taken and the task ended in {}", report.state),
        Ended::Refused(violations) => violations.join("; "),
    }
}

#[track_caller]
fn assert_steps(report: &Report, expected: &[(&str, &str, u32)]) {
    let found: Vec<_> =
        report.steps.iter().map(|step| (step.name.as_str(), step.state.as_str(), step.attempts)).collect();
    let errors: Vec<_> = report.attempts.iter().filter_map(|attempt| attempt.outcome.as_ref().err()).collect();
    assert_eq!(found, expected, "{errors:?}");
    for step in &report.steps {
        assert_eq!(step.transitions, transitions_of(&step.state, step.attempts), "{}", step.name);
    }
}

#[track_caller]
fn assert_results(report: &Report, expected: &[(&str, &str)]) {
    let mut differences = Vec::new();
    for (step, part) in expected {
        let results = report.step(step).results.as_ref().unwrap();
        compare_part(step, &Json::parse(part).unwrap(), results, &mut differences);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn order() -> PathBuf {
    examples().join("order/order.yaml")
}

#[tokio::test]
async fn example_order_runs_to_its_end_with_one_retry() {
    let context = std::fs::read_to_string(examples().join("order/context.json")).unwrap();
    let report = ran(&order(), &context).await;
    assert_steps(
        &report,
        &[
            ("check_order", "complete", 1),
            ("reserve_stock", "complete", 1),
            ("charge_card", "complete", 1),
            ("book_courier", "complete", 2),
            ("pack_parcel", "complete", 1),
            ("send_receipt", "complete", 1),
            ("hand_over", "complete", 1),
            ("close_order", "complete", 1),
        ],
    );
    assert_eq!(report.state, "complete");
    assert_eq!(report.check_waits("book_courier", &[2]), Ok(()));
    let failure = report.attempts_of("book_courier")[0].outcome.clone().unwrap_err();
    assert_eq!(failure.message().trim(), "the line of Swift & Sons is busy");
    let id = report.task_id;
    assert_results(
        &report,
        &[
            ("check_order", r#"{"pieces": 5, "total_cents": 6025}"#),
            ("reserve_stock", &format!(r#"{{"reservation": "R-{id}", "reserved_pieces": 5}}"#)),
            ("charge_card", &format!(r#"{{"payment": "P-{id}", "paid_cents": 6025, "paid_in": "EUR"}}"#)),
            ("book_courier", &format!(r#"{{"parcel": "SW-{id:06}", "pickup": "tomorrow morning"}}"#)),
            ("pack_parcel", r#"{"packed_pieces": 5, "boxes": 2}"#),
            ("send_receipt", r#"{"receipt_to": "ada@example.org", "receipt_for": "60.25 EUR"}"#),
            ("hand_over", &format!(r#"{{"handed_over": "SW-{id:06}", "boxes": 2}}"#)),
            ("close_order", &format!(r#"{{"closed": "A-1042", "sent_as": "SW-{id:06}", "paid": "60.25 EUR"}}"#)),
        ],
    );
}

#[tokio::test]
async fn example_order_reads_its_context_however_it_is_laid_out() {
    // Keys in another order, line breaks and blanks in odd places, and the members that have defaults given.
    let context =
        "{\n \"items\" : [ {\"price_cents\" :5 , \"quantity\":\n2, \"article\":\"pin\"} ],\n\"delivery\":\"express\",
        \"currency\": \"CHF\", \"email\" :\"bo@example.org\", \"order\":\"A-7\"}";
    let report = ran(&order(), context).await;
    assert_eq!(report.state, "complete");
    assert_results(
        &report,
        &[
            ("check_order", r#"{"pieces": 2, "total_cents": 10}"#),
            ("book_courier", r#"{"pickup": "within two hours"}"#),
            ("close_order", r#"{"closed": "A-7", "paid": "0.10 CHF"}"#),
        ],
    );
}

#[tokio::test]
async fn example_order_that_costs_nothing_fails_for_good() {
    let context =
        r#"{"order": "A-1", "email": "a@example.org", "items": [{"article": "x", "quantity": 1, "price_cents": 0}]}"#;
    let report = ran(&order(), context).await;
    assert_eq!(report.state, "error");
    assert_eq!((report.step("check_order").state.as_str(), report.step("check_order").attempts), ("error", 1));
    assert!(report.steps.iter().skip(1).all(|step| step.attempts == 0));
    let failure = report.attempts[0].outcome.clone().unwrap_err();
    assert_eq!(failure.message().trim(), "the order costs nothing; there is nothing to charge");
}

#[tokio::test]
async fn example_order_refuses_what_its_scripts_could_not_read() {
    let context =
        r#"{"order": "1042", "email": "ada", "items": [{"article": "a {x}", "quantity": 0, "price_cents": 1}]}"#;
    let refusal = refused(&order(), context).await;
    for name in ["order", "email", "article", "quantity"] {
        assert!(refusal.contains(name), "{name} is not named: {refusal}");
    }
    assert!(refused(&order(), r#"{"order": "A-1", "email": "a@example.org", "items": []}"#).await.contains("items"));
}

fn nightly_report() -> PathBuf {
    examples().join("nightly_report/nightly_report.yaml")
}

#[tokio::test]
async fn example_nightly_report_adds_the_shops_up() {
    let context = std::fs::read_to_string(examples().join("nightly_report/context.json")).unwrap();
    let report = ran(&nightly_report(), &context).await;
    let steps = ["find_sales", "sum_north", "sum_south", "sum_west", "best_sellers", "add_up", "write_report"];
    assert_steps(&report, &steps.map(|step| (step, "complete", 1)));
    assert_results(
        &report,
        &[
            ("find_sales", r#"{"folder": "sales/2024-05-17", "shops": 3}"#),
            ("sum_north", r#"{"shop": "north", "sales": 4, "pieces": 7, "cents": 7170}"#),
            ("sum_south", r#"{"shop": "south", "sales": 4, "pieces": 10, "cents": 13150}"#),
            ("sum_west", r#"{"shop": "west", "sales": 3, "pieces": 7, "cents": 7045}"#),
            ("best_sellers", r#"{"best_sellers": "tin, green tea, black tea"}"#),
            ("add_up", r#"{"total_pieces": 24, "total_cents": 27365}"#),
            (
                "write_report",
                r#"{"report": "2024-05-17: 24 pieces for 273.65; best: tin, green tea, black tea", "target_met": false}"#,
            ),
        ],
    );

    let report = ran(&nightly_report(), r#"{"day": "2024-05-17", "target_cents": 27365}"#).await;
    assert_results(&report, &[("write_report", r#"{"target_met": true}"#)]);
}

#[tokio::test]
async fn example_nightly_report_of_a_day_without_sales_fails_for_good() {
    let context = std::fs::read_to_string(examples().join("nightly_report/context-no-sales.json")).unwrap();
    let report = ran(&nightly_report(), &context).await;
    assert_eq!(report.state, "error");
    assert_eq!((report.step("find_sales").state.as_str(), report.step("find_sales").attempts), ("error", 1));
    let failure = report.attempts[0].outcome.clone().unwrap_err();
    assert_eq!(failure.message().trim(), "there are no sales of 2024-05-18");
}

#[tokio::test]
async fn example_nightly_report_refuses_a_day_that_is_a_path() {
    let context = std::fs::read_to_string(examples().join("nightly_report/context-no-day.json")).unwrap();
    assert!(refused(&nightly_report(), &context).await.contains("day"));
}

#[tokio::test]
async fn example_nightly_report_waits_for_a_shop_that_is_late() {
    let copy = tempfile::tempdir().unwrap();
    for folder in ["shell", "nightly_report", "nightly_report/sales/2024-05-17"] {
        let target = copy.path().join(folder);
        std::fs::create_dir_all(&target).unwrap();
        for entry in std::fs::read_dir(examples().join(folder)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() && entry.file_name() != "west.csv" {
                std::fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
            }
        }
    }
    let file = copy.path().join("nightly_report/nightly_report.yaml");
    let report = ran(&file, r#"{"day": "2024-05-17"}"#).await;
    assert_eq!((report.step("find_sales").state.as_str(), report.step("find_sales").attempts), ("error", 3));
    assert_eq!(report.check_waits("find_sales", &[60, 60]), Ok(()));
    assert!(report.steps.iter().skip(1).all(|step| step.attempts == 0));
}
