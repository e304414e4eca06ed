//! Decimals: read, reckoned with and written without losing a digit.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use tasker_core::step_handler::{ErrorKind, Output, StepError};
use tasker_examples::decimal::{Decimal, OutOfRange};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn decimal_reads_the_spellings_of_json_numbers() {
    for (text, shown) in [
        ("0", "0"),
        ("-0", "0"),
        ("7500", "7500"),
        ("100.0", "100"),
        ("8.80", "8.8"),
        ("-0.05", "-0.05"),
        ("1e2", "100"),
        ("1.25E+1", "12.5"),
        ("12e-3", "0.012"),
        ("999999999999999999", "999999999999999999"),
        ("0.000000000000000001", "0.000000000000000001"),
    ] {
        assert_eq!(decimal(text).to_string(), shown, "{text}");
    }
}

#[test]
fn decimal_refuses_what_is_no_number_or_too_long() {
    for text in ["", "-", ".", "1.", ".5", "1,5", "abc", "1e", "1e99", "--1", "1.2.3", "1000000000000000000", "٣"] {
        let error = text.parse::<Decimal>().unwrap_err().to_string();
        assert!(error.contains("is not a decimal number of at most 18 digits"), "{text}: {error}");
    }
}

#[test]
fn decimal_shows_as_many_places_as_asked_for() {
    assert_eq!(format!("{:.2}", decimal("8.8")), "8.80");
    assert_eq!(format!("{:.2}", decimal("100")), "100.00");
    assert_eq!(format!("{:.2}", decimal("-0.5")), "-0.50");
    // Never fewer than it has: that would be rounding without saying so.
    assert_eq!(format!("{:.2}", decimal("164.198241")), "164.198241");
}

#[test]
fn decimal_reckons_exactly() {
    assert_eq!(decimal("0.1").plus(decimal("0.2")), Ok(decimal("0.3")));
    assert_eq!(decimal("1").minus(decimal("0.9")), Ok(decimal("0.1")));
    assert_eq!(decimal("19.99").times(Decimal::from(3)), Ok(decimal("59.97")));
    assert_eq!(decimal("25.98").percent(decimal("14.12")), Ok(decimal("3.668376")));
}

#[test]
fn decimal_rounds_halves_away_from_zero() {
    for (text, rounded) in
        [("8.7976", "8.8"), ("0.005", "0.01"), ("0.0049", "0"), ("-0.005", "-0.01"), ("-0.0049", "0"), ("2.5", "2.5")]
    {
        assert_eq!(decimal(text).rounded_to_cents(), decimal(rounded), "{text}");
    }
}

#[test]
fn decimal_too_large_is_a_permanent_failure() {
    let large = decimal("999999999999999999");
    let square = large.times(large).unwrap();
    assert_eq!(square.times(large), Err(OutOfRange));
    let error = StepError::from(OutOfRange);
    assert_eq!((error.kind(), error.code()), (ErrorKind::Permanent, Some("AMOUNT_OUT_OF_RANGE")));
}

#[test]
fn decimal_travels_as_a_json_number() {
    let output = Output::json(&vec![decimal("124.76"), decimal("0.1")]).unwrap();
    assert_eq!(output.get(), "[124.76,0.1]");
    let read: Vec<Decimal> = output.read().unwrap();
    assert_eq!(read, [decimal("124.76"), decimal("0.1")]);
    let error = Output::raw(serde_json::value::to_raw_value("124.76").unwrap()).read::<Decimal>().unwrap_err();
    assert!(error.to_string().contains("is not a decimal number"), "{error}");
}

proptest! {
    #[test]
    fn decimal_reads_what_it_shows(cents in any::<i64>()) {
        let number = Decimal::cents(cents / 100);
        prop_assert_eq!(number.to_string().parse::<Decimal>(), Ok(number));
    }

    #[test]
    fn decimal_agrees_with_whole_cents(left in -1_000_000_000_i64..1_000_000_000, right in -1_000_000_000_i64..1_000_000_000) {
        let (one, other) = (Decimal::cents(left), Decimal::cents(right));
        prop_assert_eq!(one.plus(other), Ok(Decimal::cents(left + right)));
        prop_assert_eq!(one.minus(other), Ok(Decimal::cents(left - right)));
        prop_assert_eq!(one.cmp(&other), left.cmp(&right));
        prop_assert_eq!(one.is_positive(), left > 0);
    }
}
