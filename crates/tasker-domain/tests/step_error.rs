//! How an attempt of a step can fail, and how that stands in the rows.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use std::time::Duration;

use serde_json::{Value, json};
use tasker_domain::retry::AskedWait;
use tasker_domain::step_error::{ErrorKind, StepError, StoredError};
use tasker_domain::verdict::{self, Death, Failure, StepVerdict, Verdict};

#[test]
fn the_kinds_have_stable_names_and_classes() {
    let table: Vec<String> = ErrorKind::ALL
        .into_iter()
        .map(|kind| format!("{kind:<9} {:<22} {:?}: {}", kind.class(), kind.failure(), kind.advice()))
        .collect();
    insta::assert_snapshot!(table.join("\n"));
    for kind in ErrorKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        assert_eq!(ErrorKind::of_class(kind.class()), Some(kind));
    }
    assert_eq!(ErrorKind::of_class("ArgumentError"), None);
    assert!("fatal".parse::<ErrorKind>().unwrap_err().to_string().contains("`fatal` is no kind of failure"));
}

#[test]
fn only_a_permanent_failure_is_final() {
    for kind in ErrorKind::ALL {
        let facts = StepError::new(kind, "no").attempt(1, 3);
        let is_final = verdict::after_failure(facts, None) == Verdict::Permanent;
        assert_eq!(is_final, kind == ErrorKind::Permanent, "{kind}");
        assert_eq!(facts.failure == Failure::Permanent, is_final, "{kind}");
    }
}

#[test]
fn the_wait_of_a_failure_reaches_the_verdict() {
    let error = StepError::retryable("busy").retry_after(Duration::from_secs(60));
    let end = verdict::AttemptEnd::Failed(error.attempt(1, 2));
    let facts = verdict::AttemptFacts { end, claim_stands: true, task_halted: false };
    let decision = verdict::after_attempt(facts, None);
    assert!(matches!(decision.verdict, StepVerdict::Retry(wait) if wait.wait == Duration::from_secs(60)));
    let last = verdict::AttemptFacts { end: verdict::AttemptEnd::Failed(error.attempt(2, 2)), ..facts };
    let cause = Death::Exhausted;
    assert_eq!(verdict::after_attempt(last, None).verdict, StepVerdict::Dead { cause, asked_seconds: Some(60) });
    assert_eq!(StepError::failure("no").asked(), AskedWait::Nothing);
    assert_eq!(StepError::retryable("no").with_table_wait().asked(), AskedWait::Table);
}

#[test]
fn what_was_written_is_read() {
    let written = [
        json!({"kind": "failure", "message": "no", "class": "RuntimeError", "asked": "nothing"}),
        json!({"kind": "retryable", "message": "busy", "class": "Tasker::RetryableError", "asked": {"at_least": 30.0}}),
        json!({"kind": "permanent", "message": "gone", "class": "Tasker::PermanentError", "asked": "nothing",
            "code": "HTTP_404", "details": {"response_status": 404}}),
        json!({"kind": "retryable", "message": "busy", "class": "Mine", "asked": "table"}),
    ];
    for value in written {
        let read: StepError = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), value);
    }
}

#[test]
fn it_is_stored_under_the_originals_keys() {
    let error = StepError::permanent("the card was declined")
        .with_code("DECLINED")
        .with_details(json!({"response_status": 402}));
    assert_eq!(
        Value::Object(error.document("charge (step pay, attempt 2)")),
        json!({
            "error": "the card was declined",
            "error_class": "Tasker::PermanentError",
            "backtrace": "charge (step pay, attempt 2)",
            "error_details": {"error_code": "DECLINED", "error_context": {"response_status": 402}},
        })
    );
    let plain = StepError::failure("no").document("");
    assert_eq!(plain.keys().collect::<Vec<_>>(), ["backtrace", "error", "error_class"]);
}

#[test]
fn what_is_stored_can_be_stored() {
    let error = StepError::failure("é".repeat(20_000)).with_class("A\0B").with_details(json!({"key": "a\u{0}b"}));
    let document = error.document("\0");
    let message = document["error"].as_str().unwrap();
    assert!(message.len() < 17_000 && message.ends_with("… (40000 bytes in all)"), "{}", message.len());
    assert_eq!(document["error_class"], "A\u{FFFD}B");
    assert_eq!(document["error_details"]["error_context"], "left out: it is too large or cannot be stored");
    let large = StepError::failure("no").with_details(json!({"key": "x".repeat(20_000)})).document("");
    assert_eq!(large["error_details"]["error_context"], "left out: it is too large or cannot be stored");
}

#[test]
fn a_stored_failure_is_read_whoever_wrote_it() {
    let ours = Value::Object(StepError::permanent("gone").with_code("HTTP_404").document("x"));
    let read = StoredError::of(&ours).unwrap();
    assert_eq!((read.message.as_str(), read.class.as_deref()), ("gone", Some("Tasker::PermanentError")));
    assert_eq!(read.code.as_deref(), Some("HTTP_404"));
    let before_the_executor = json!({"error": true, "error_details": {"error_message": "m", "error_class": "C"}});
    let expected = StoredError { message: "m".to_owned(), class: Some("C".to_owned()), code: None };
    assert_eq!(StoredError::of(&before_the_executor), Some(expected));
    for none in [json!({}), json!(null), json!("text"), json!({"error": false}), json!({"error": 3}), json!([1])] {
        assert_eq!(StoredError::of(&none), None, "{none}");
    }
}

#[test]
fn another_error_becomes_an_ordinary_failure_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("the outer one")]
    struct Outer(#[source] std::num::ParseIntError);
    let error = StepError::from(Outer("x".parse::<i32>().unwrap_err()));
    assert_eq!(error.kind(), ErrorKind::Failure);
    assert_eq!(error.message(), "the outer one: invalid digit found in string");
    assert!(error.class().ends_with("Outer"));
}
