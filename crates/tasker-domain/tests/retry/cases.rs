//! All 158 recorded cases of the original's waits. Where a ruling makes ours another, the case stands in [`OTHERWISE`] with
//! our answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::NaiveDateTime;
use serde::Deserialize;
use tasker_domain::retry::http_status::{self, Meaning};
use tasker_domain::retry::{Backoff, Request};
use tasker_domain::retry_after;
use tasker_domain::verdict::Failure;

/// Cases where we answer otherwise (W-30): seconds that we read out of the header, and why.
const OTHERWISE: &[(&str, Option<u64>, &str)] = &[
    ("B068", Some(7), "names of headers ignore case"),
    ("B077", Some(100), "a year of two digits is one near now"),
    ("B079", None, "no date of RFC 9110"),
    ("B080", None, "what cannot be read is ignored, not an error"),
    ("B081", None, "what cannot be read is ignored, not an error"),
    ("B082", None, "what cannot be read is ignored, not an error"),
    ("B083", None, "what cannot be read is ignored, not an error"),
    ("B095", None, "no header asks for nothing"),
    ("B096", None, "a blank header asks for nothing"),
    ("B097", None, "a blank header asks for nothing"),
    ("B104", None, "what cannot be read is ignored, not an error"),
    ("B105", None, "what cannot be read is ignored, not an error"),
    ("B106", None, "what cannot be read is ignored, not an error"),
    ("B107", None, "what cannot be read is ignored, not an error"),
    ("B108", None, "no day of the month is guessed"),
    ("B109", Some(120), "blanks around a number are ignored"),
    ("B110", Some(120), "blanks around a number are ignored"),
    ("B115", None, "no date of RFC 9110"),
    ("B116", None, "no date of RFC 9110"),
    ("B117", None, "no date of RFC 9110"),
    ("B118", None, "what cannot be read is ignored, not an error"),
    ("B119", None, "a header has one line"),
    ("B143", None, "what cannot be read is ignored, not an error"),
    ("B144", None, "what cannot be read is ignored, not an error"),
    ("B145", None, "what cannot be read is ignored, not an error"),
    ("B146", None, "what cannot be read is ignored, not an error"),
    ("B149", Some(0), "a date behind us asks for no wait"),
];

#[derive(Deserialize)]
struct Recording {
    configs: BTreeMap<String, Backoff>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Deserialize)]
#[serde(tag = "group", rename_all = "snake_case")]
enum Kind {
    ConfigDelay { config: String, attempt: i64, base_after_cap: u32, jitter_radius: u32, expect: Bounds },
    ApplyToStep(Applied),
    HeaderParser { now: String, header: Option<String>, expect: Parsed },
    Response { now: String, status: serde_json::Value, headers: Option<BTreeMap<String, String>>, expect: Answered },
}

#[derive(Deserialize)]
struct Bounds {
    min: u32,
    max: u32,
}

#[derive(Deserialize)]
struct Applied {
    now: String,
    attempts_column: Option<u32>,
    headers: Option<BTreeMap<String, String>>,
    backoff_config: Option<Backoff>,
    enable_exponential_backoff: serde_json::Value,
    expect: AppliedExpected,
}

#[derive(Deserialize)]
struct AppliedExpected {
    /// Both may be fractions, which the column cuts off.
    min: Option<f64>,
    max: Option<f64>,
    backoff_type: Option<String>,
    sets_last_attempted_at: bool,
}

#[derive(Deserialize)]
struct Parsed {
    seconds: Option<u64>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Answered {
    outcome: String,
    retry_after: Option<u64>,
    skip_backoff: Option<bool>,
    error_code: Option<String>,
}

fn instant(text: &str) -> NaiveDateTime {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().naive_utc()
}

/// What our parser reads out of the headers, under either spelling; `first` is the one that counts where both are there.
fn read(headers: Option<&BTreeMap<String, String>>, first: &str, now: &str) -> Option<u64> {
    let headers = headers?;
    let any = || headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after")).map(|(_, value)| value);
    let value = headers.get(first).or_else(any)?;
    retry_after::parse(value, instant(now)).map(|wait| wait.as_secs())
}

/// Our answer, and the recorded one or the declared other.
fn compare(id: &str, ours: Option<u64>, recorded: Option<u64>, declared: &mut BTreeSet<&str>) -> bool {
    match OTHERWISE.iter().find(|(other, _, _)| *other == id) {
        Some((other, answer, why)) => {
            assert_eq!(ours, *answer, "{id}: {why}");
            declared.insert(other);
            true
        }
        None => {
            assert_eq!(ours, recorded, "{id}");
            false
        }
    }
}

fn check_delay(id: &str, backoff: &Backoff, attempt: i64, base: u32, reach: u32, expect: &Bounds) {
    let attempt = u32::try_from(attempt).unwrap_or(0);
    assert_eq!(backoff.base(attempt), base, "{id}");
    assert_eq!(backoff.reach(backoff.base(attempt)), reach, "{id}");
    let waits: BTreeSet<u32> = (0..=4000).map(|place| backoff.delay(attempt, f64::from(place) / 4000.0)).collect();
    // Every whole second between the bounds is drawn, and none beyond.
    assert_eq!(waits, (expect.min..=expect.max).collect(), "{id}");
}

fn check_step(id: &str, case: &Applied, declared: &mut BTreeSet<&str>) {
    let asked = read(case.headers.as_ref(), "Retry-After", &case.now);
    let grows = match &case.enable_exponential_backoff {
        serde_json::Value::Bool(grows) => *grows,
        serde_json::Value::Null => false,
        _ => true,
    };
    let backoff = case.backoff_config.clone().unwrap_or_default();
    let request = |chance| backoff.request(case.attempts_column.unwrap_or(0), asked, grows, chance);
    if OTHERWISE.iter().any(|(other, _, _)| *other == id) {
        compare(id, asked, None, declared);
        return;
    }
    let kind = match request(0.0) {
        Request::Server { .. } => Some("server_requested"),
        Request::Growing { .. } => Some("exponential"),
        Request::Nothing => None,
    };
    assert_eq!(kind, case.expect.backoff_type.as_deref(), "{id}");
    assert_eq!(request(0.0).seconds(), case.expect.min.map(|seconds| seconds as u32), "{id}");
    assert_eq!(request(1.0).seconds(), case.expect.max.map(|seconds| seconds as u32), "{id}");
    // Only a growing wait moves the instant of the attempt in the original; ours is written with each outcome.
    assert_eq!(matches!(request(0.0), Request::Growing { .. }), case.expect.sets_last_attempted_at, "{id}");
}

fn check_answer(
    id: &str,
    status: &serde_json::Value,
    asked: Option<u64>,
    expect: &Answered,
    declared: &mut BTreeSet<&str>,
) {
    let status = status.as_u64().and_then(|status| u16::try_from(status).ok());
    let meaning = Meaning::of(status);
    let outcome = match meaning.failure() {
        None => "success",
        Some(Failure::MayPass) => "retryable",
        Some(Failure::Permanent) => "permanent",
    };
    let wait = meaning.asks(asked.map(Duration::from_secs), true);
    let requested = if let tasker_domain::retry::AskedWait::AtLeast(wait) = wait { Some(wait.as_secs()) } else { None };
    if compare(id, requested, expect.retry_after, declared) {
        assert_eq!(meaning, Meaning::Busy, "{id}");
        return;
    }
    assert_eq!(outcome, expect.outcome, "{id}");
    if let Some(skips) = expect.skip_backoff {
        assert_eq!(meaning == Meaning::Trouble, skips, "{id}");
    }
    if let Some(code) = &expect.error_code {
        assert_eq!(http_status::code(status.unwrap()), *code, "{id}");
    }
}

#[test]
fn every_recorded_wait_is_ours_or_declared_otherwise() {
    let recording: Recording = serde_json::from_str(include_str!("../data/backoff-cases.json")).unwrap();
    let mut declared = BTreeSet::new();
    let mut counts = [0; 4];
    for Case { id, kind } in &recording.cases {
        let group = match kind {
            Kind::ConfigDelay { config, attempt, base_after_cap, jitter_radius, expect } => {
                check_delay(id, &recording.configs[config], *attempt, *base_after_cap, *jitter_radius, expect);
                0
            }
            Kind::ApplyToStep(case) => {
                check_step(id, case, &mut declared);
                1
            }
            Kind::HeaderParser { now, header, expect } => {
                let ours = header.as_deref().and_then(|value| retry_after::parse(value, instant(now)));
                let otherwise = compare(id, ours.map(|wait| wait.as_secs()), expect.seconds, &mut declared);
                assert!(otherwise || expect.error.is_none(), "{id}");
                2
            }
            Kind::Response { now, status, headers, expect } => {
                check_answer(id, status, read(headers.as_ref(), "retry-after", now), expect, &mut declared);
                3
            }
        };
        counts[group] += 1;
    }
    assert_eq!(counts, [65, 29, 25, 39]);
    assert_eq!(declared.len(), OTHERWISE.len(), "a case that is declared otherwise is not there");
}
