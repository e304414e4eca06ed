//! `Retry-After` by RFC 9110: the table of the original's header parser, with the places where we differ (W-30).

use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime};
use proptest::prelude::*;
use tasker_domain::retry_after::parse;

fn noon() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2025, 7, 1).unwrap().and_hms_opt(12, 0, 0).unwrap()
}

fn check(rows: &[(&str, Option<u64>)]) {
    for (value, seconds) in rows {
        assert_eq!(parse(value, noon()), seconds.map(Duration::from_secs), "value {value:?}");
    }
}

#[test]
fn digits_are_seconds() {
    check(&[
        ("0", Some(0)),
        ("1", Some(1)),
        ("30", Some(30)),
        ("007", Some(7)),
        ("3600", Some(3600)),
        ("3601", Some(3601)),
        ("99999", Some(99_999)),
    ]);
}

#[test]
fn digits_beyond_any_number_are_a_very_long_wait_and_not_an_error() {
    check(&[("4294967296", Some(4_294_967_295)), ("99999999999999999999999999", Some(4_294_967_295))]);
}

#[test]
fn the_three_http_dates_count_from_now() {
    check(&[
        ("Tue, 01 Jul 2025 12:01:40 GMT", Some(100)),
        ("Tuesday, 01-Jul-25 12:01:40 GMT", Some(100)),
        ("Tue Jul  1 12:01:40 2025", Some(100)),
        ("Wed, 02 Jul 2025 13:00:00 GMT", Some(90_000)),
        ("Tue, 01 Jul 2025 12:00:00 GMT", Some(0)),
    ]);
}

#[test]
fn a_date_behind_us_asks_for_no_wait() {
    check(&[
        ("Tue, 01 Jul 2025 11:58:20 GMT", Some(0)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(0)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
    ]);
}

#[test]
fn a_fraction_of_the_present_second_never_makes_us_early() {
    let now = noon() + chrono::TimeDelta::milliseconds(250);
    assert_eq!(parse("Tue, 01 Jul 2025 12:00:10 GMT", now), Some(Duration::from_secs(10)));
    assert_eq!(parse("Tue, 01 Jul 2025 12:00:00 GMT", now), Some(Duration::ZERO));
}

#[test]
fn white_space_around_the_value_is_ignored() {
    // The original reads "120 " as a day of the month.
    check(&[
        ("120 ", Some(120)),
        (" 120", Some(120)),
        ("\t30\t", Some(30)),
        (" Tue, 01 Jul 2025 12:01:40 GMT ", Some(100)),
    ]);
}

#[test]
fn anything_else_is_ignored() {
    check(&[
        ("", None),
        ("  ", None),
        ("-5", None),
        ("+5", None),
        ("1.5", None),
        ("abc", None),
        ("12abc", None),
        ("1e3", None),
        ("30\nx", None),
        ("30, 60", None),
        ("٣٠", None),
        ("2025-07-01 12:00:10", None),
        ("Tue, 01 Jul 2025 12:01:40", None),
        ("Tue, 01 Jul 2025 14:01:40 +0200", None),
        ("Wed, 32 Jul 2025 12:00:00 GMT", None),
        ("Mon, 01 Jul 2025 12:01:40 GMT", None),
        ("Tue, 01 Jul 0025 12:01:40 GMT", None),
    ]);
}

/// Texts that look like the header, and texts that do not.
fn header() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9]{0,40}",
        "[ \t]{0,3}[-+]?[0-9]{1,12}(\\.[0-9]{1,3})?[ \t]{0,3}",
        "(Mon|Tue|Wed|Thu|Fri|Sat|Sun|Foo), [0-9]{1,2} (Jan|Feb|Dec|Xyz) [0-9]{2,6} [0-9]{1,2}:[0-9]{2}:[0-9]{2} (GMT|UTC|CET)",
        "(Monday|Sunday), [0-9]{2}-(Jan|Feb|Dec)-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        "(Mon|Tue) (Jan|Feb) [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}",
    ]
}

proptest! {
    #[test]
    fn no_header_and_no_instant_is_too_odd(header in header(), seconds in -8_000_000_000_000i64..8_000_000_000_000) {
        let now = chrono::DateTime::from_timestamp(seconds, 999_999_999).unwrap().naive_utc();
        if let Some(wait) = parse(&header, now) {
            prop_assert!(wait <= Duration::from_secs(u64::from(u32::MAX)));
            prop_assert_eq!(wait.subsec_nanos(), 0);
        }
        for now in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
            let _ = parse(&header, now);
        }
    }

    #[test]
    fn digits_read_back(seconds: u32, before in "[ \t]{0,3}", after in "[ \t]{0,3}") {
        let value = format!("{before}{seconds}{after}");
        prop_assert_eq!(parse(&value, noon()), Some(Duration::from_secs(u64::from(seconds))));
    }

    #[test]
    fn a_date_gives_the_seconds_until_then(now in 0i64..253_402_300_799, ahead in 0u64..86_400_000) {
        let then = u64::try_from(now).unwrap() + ahead;
        // A date has four digits for its year.
        prop_assume!(then <= 253_402_300_799);
        let value = httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(then));
        let now = chrono::DateTime::from_timestamp(now, 0).unwrap().naive_utc();
        prop_assert_eq!(parse(&value, now), Some(Duration::from_secs(ahead)));
    }
}
