//! Spans of time as people write them.

use std::time::Duration;

use tasker_domain::span::{SpanProblem, of_seconds, parse, with_units};

#[test]
fn numbers_with_units_add_up_and_a_number_alone_is_seconds() {
    for (text, milliseconds) in [
        ("90s", 90_000),
        ("1500ms", 1_500),
        ("2.5s", 2_500),
        ("1h30m", 5_400_000),
        (" 2d 4h ", 187_200_000),
        ("1 m 1 ms", 60_001),
    ] {
        assert_eq!(with_units(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    assert_eq!(parse(" 0.25 "), Ok(Duration::from_millis(250)));
    assert_eq!(parse("0"), Ok(Duration::ZERO));
}

#[test]
fn what_is_no_span_says_why() {
    for (text, problem) in [
        ("", SpanProblem::Nothing),
        ("  ", SpanProblem::Nothing),
        ("soon", SpanProblem::NoSpan),
        ("-2s", SpanProblem::NoSpan),
        ("1e3s", SpanProblem::UnknownUnit("e".to_owned())),
        (".s", SpanProblem::NoSpan),
        ("1..5s", SpanProblem::NoSpan),
        ("1h30", SpanProblem::NoUnit),
        ("2 weeks", SpanProblem::UnknownUnit("weeks".to_owned())),
        ("5S", SpanProblem::UnknownUnit("S".to_owned())),
        ("1m1h", SpanProblem::Order),
        ("1s1s", SpanProblem::Order),
        ("99999999999999999999d", SpanProblem::TooLong),
    ] {
        assert_eq!(with_units(text), Err(problem.clone()), "{text:?}");
        assert_eq!(parse(text), Err(problem), "{text:?}");
    }
    assert_eq!(with_units("7"), Err(SpanProblem::NoUnit));
    assert_eq!(of_seconds(-0.5), Err(SpanProblem::Negative));
    assert_eq!(of_seconds(f64::NAN), Err(SpanProblem::TooLong));
}
