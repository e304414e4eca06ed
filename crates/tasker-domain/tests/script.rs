//! Scripts of outcomes.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use std::time::Duration;

use proptest::prelude::*;
use tasker_domain::json::Json;
use tasker_domain::script::{Behaviour, End, FailureClass, OutcomeScript, ScriptProblems};
use tasker_domain::template::{Source, Template, parse};

fn template() -> Template {
    let text = "name: order\ntask_handler_class: Order\nstep_templates:\n  - {name: validate_cart, handler_class: A}\n  \
                - {name: pay, handler_class: B}\n";
    parse(&Source::new("order.yaml", text), None).unwrap().template
}

fn script(text: &str) -> OutcomeScript {
    OutcomeScript::parse(text, &template()).unwrap()
}

fn succeeds(result: &str) -> Behaviour {
    Behaviour { sleep: None, end: End::Succeed(Json::parse(result).unwrap()) }
}

fn fails(class: FailureClass, retry_after: Option<f64>) -> Behaviour {
    let retry_after = retry_after.map(Duration::from_secs_f64);
    Behaviour { sleep: None, end: End::Fail { class: Some(class), retry_after, status: None } }
}

#[test]
fn each_word_does_what_it_says() {
    let script = script(r#"{"pay": ["ok", "fail", "retryable", "fatal", "later:30", "later:0.5", "sleep:2"]}"#);
    assert_eq!(script.behaviour("pay", 1), succeeds(r#"{"ok":true,"attempt":1}"#));
    assert_eq!(script.behaviour("pay", 2), fails(FailureClass::Ordinary, None));
    assert_eq!(script.behaviour("pay", 3), fails(FailureClass::Retryable, None));
    assert_eq!(script.behaviour("pay", 4), fails(FailureClass::Permanent, None));
    assert_eq!(script.behaviour("pay", 5), fails(FailureClass::Retryable, Some(30.0)));
    assert_eq!(script.behaviour("pay", 6), fails(FailureClass::Retryable, Some(0.5)));
    let slow = script.behaviour("pay", 7);
    assert_eq!(slow.sleep, Some(Duration::from_secs(2)));
    assert_eq!(slow.end, succeeds(r#"{"ok":true,"attempt":7}"#).end);
}

#[test]
fn past_the_end_and_without_a_script_attempts_succeed() {
    let script = script(r#"{"pay": ["fail"]}"#);
    assert_eq!(script.behaviour("pay", 2), succeeds(r#"{"ok":true,"attempt":2}"#));
    assert_eq!(script.behaviour("pay", u32::MAX), succeeds(r#"{"ok":true,"attempt":4294967295}"#));
    assert_eq!(script.behaviour("validate_cart", 1), succeeds(r#"{"ok":true}"#));
}

#[test]
fn objects_say_more() {
    let script = script(
        r#"{"pay": [
            {"result": {"total": 1.50}}, {"result": null, "sleep": 0.25}, {"sleep": 1},
            {"error": {"class": "fatal"}}, {"error": {"status": 503, "retry_after": 12.5}, "sleep": 3},
            {"error": {"class": "retryable", "sleep": 4}}, {"error": {}}
        ]}"#,
    );
    assert_eq!(script.behaviour("pay", 1), succeeds(r#"{"total":1.50}"#));
    assert_eq!(script.behaviour("pay", 2), Behaviour { sleep: Some(Duration::from_millis(250)), ..succeeds("null") });
    assert_eq!(script.behaviour("pay", 3).end, succeeds(r#"{"ok":true,"attempt":3}"#).end);
    assert_eq!(script.behaviour("pay", 4), fails(FailureClass::Permanent, None));
    let retry_after = Some(Duration::from_millis(12_500));
    let by_status = Behaviour {
        sleep: Some(Duration::from_secs(3)),
        end: End::Fail { class: None, retry_after, status: Some(503) },
    };
    assert_eq!(script.behaviour("pay", 5), by_status);
    assert_eq!(script.behaviour("pay", 6).sleep, Some(Duration::from_secs(4)));
    assert_eq!(script.behaviour("pay", 7), fails(FailureClass::Ordinary, None));
}

#[test]
fn everything_wrong_is_said_at_once() {
    let text = r#"{
        "validate_crat": ["ok"], "zebra": [], "validate_cart": "ok",
        "pay": ["Ok", "later:", "later:-1", "sleep:x", "sleep:1e99", 5, null, {}, {"result": 1, "error": {}},
            {"error": "fail"}, {"error": {"class": "bad", "status": 99, "retry_after": "soon", "sleep": -1, "code": 1}},
            {"result": 1, "sleep": true, "wait": 1}, {"error": {"sleep": 1}, "sleep": 1}, "ok:1"]
    }"#;
    let problems = OutcomeScript::parse(text, &template()).unwrap_err();
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn what_is_no_script_is_refused() {
    let refused = |text: &str| OutcomeScript::parse(text, &template()).unwrap_err();
    assert!(matches!(refused("{"), ScriptProblems::NotJson(_)));
    insta::assert_snapshot!([refused("{"), refused("[]"), refused("")].map(|problems| problems.to_string()).join("\n"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"[{}\[\]":, a-z0-9.\-]{0,60}"#, word in ".{0,12}") {
        let _ = OutcomeScript::parse(&text, &template());
        let quoted = Json::from(word.as_str());
        let _ = OutcomeScript::parse(&format!("{{\"pay\":[{quoted}]}}"), &template());
    }
}
