//! The ways in which a handler says what went wrong.

use std::time::Duration;

use serde_json::json;
use tasker_core::StepError;
use tasker_core::step_handler::{AskedWait, ErrorKind};

/// A handler's way to fail: raised in one place and caught in another.
fn raised(error: StepError) -> Result<(), StepError> {
    Err(error)
}

#[test]
fn an_ordinary_failure_carries_its_message() {
    // B-MOD-119, B-MOD-120
    let caught = raised(StepError::failure("something went wrong")).unwrap_err();
    assert_eq!((caught.kind(), caught.message()), (ErrorKind::Failure, "something went wrong"));
    assert_eq!(caught.to_string(), "something went wrong");
    let other = std::fs::read("").map_err(StepError::from).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Failure, "every other error is an ordinary failure");
}

#[test]
fn a_failure_that_passes_may_ask_for_a_wait_and_carry_more() {
    // B-MOD-121…128
    let plain = raised(StepError::retryable("Service unavailable")).unwrap_err();
    assert_eq!((plain.kind(), plain.message()), (ErrorKind::Retryable, "Service unavailable"));
    assert_eq!((plain.asked(), plain.details(), plain.code()), (AskedWait::Nothing, None, None));
    assert_eq!(plain.class(), "Tasker::RetryableError");
    let waits = StepError::retryable("Rate limited").retry_after(Duration::from_secs(60));
    assert_eq!((waits.asked(), waits.details()), (AskedWait::AtLeast(Duration::from_secs(60)), None));
    let told = StepError::retryable("Timeout").with_details(json!({"service": "billing"}));
    assert_eq!((told.asked(), told.details()), (AskedWait::Nothing, Some(&json!({"service": "billing"}))));
    let details = json!({"service": "billing", "attempt": 3});
    let both = raised(told.retry_after(Duration::from_secs(30)).with_details(details.clone())).unwrap_err();
    assert_eq!(both.kind(), ErrorKind::Retryable);
    assert_eq!((both.message(), both.asked()), ("Timeout", AskedWait::AtLeast(Duration::from_secs(30))));
    assert_eq!(both.details(), Some(&details));
}

#[test]
fn a_failure_that_stays_may_carry_a_code_and_more() {
    // B-MOD-129…136
    let plain = raised(StepError::permanent("Invalid input")).unwrap_err();
    assert_eq!((plain.kind(), plain.message()), (ErrorKind::Permanent, "Invalid input"));
    assert_eq!((plain.code(), plain.details(), plain.asked()), (None, None, AskedWait::Nothing));
    assert_eq!(plain.class(), "Tasker::PermanentError");
    let coded = raised(StepError::permanent("Declined").with_code("PAYMENT_DECLINED")).unwrap_err();
    assert_eq!((coded.code(), coded.details()), (Some("PAYMENT_DECLINED"), None));
    let told = StepError::permanent("Declined").with_details(json!({"field": "card"}));
    assert_eq!((told.code(), told.details()), (None, Some(&json!({"field": "card"}))));
    let both = raised(told.with_code("PAYMENT_DECLINED")).unwrap_err();
    assert_eq!((both.message(), both.code()), ("Declined", Some("PAYMENT_DECLINED")));
    assert_eq!(both.details(), Some(&json!({"field": "card"})));
}
