//! The identity `hash`, compared with what the original computed.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use chrono::DateTime;
use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::prelude::*;
use tasker_domain::identity::{CustomIdentity, Identity, IdentityError, IdentityInput, IdentityStrategy as Rule};
use tasker_domain::json::Json;

#[test]
fn texts_and_digests_are_the_originals() {
    // B-MOD-006…008, B-MOD-010, B-IDN-002, B-IDN-003, B-IDN-005
    let cases = Json::parse(include_str!("data/identity-hash-cases.json")).unwrap();
    let cases = cases.get("cases").unwrap().as_array().unwrap();
    for case in cases {
        let input = case.get("input").unwrap();
        let text = |key: &str| input.get(key).unwrap().as_str().unwrap();
        let context = Json::parse(text("context_json")).unwrap();
        let bypass_steps: Vec<String> = input.get("bypass_steps").unwrap().to_typed().unwrap();
        let identity = IdentityInput {
            name: text("name"),
            initiator: text("initiator"),
            source_system: text("source_system"),
            context: &context,
            reason: text("reason"),
            bypass_steps: &bypass_steps,
            requested_at: DateTime::parse_from_rfc3339(text("requested_at")).unwrap().naive_utc(),
        };
        let title = case.get("title").unwrap().as_str().unwrap();
        assert_eq!(identity.canonical_text(), case.get("canonical").unwrap().as_str().unwrap(), "{title}");
        assert_eq!(identity.digest(), case.get("sha256").unwrap().as_str().unwrap(), "{title}");
    }
    assert_eq!(cases.len(), 39);
}

/// The text that a context of one number gets.
fn written(spelling: &str) -> String {
    let context = Json::parse(spelling).unwrap();
    let identity = IdentityInput {
        name: "",
        initiator: "",
        source_system: "",
        context: &context,
        reason: "",
        bypass_steps: &[],
        requested_at: DateTime::UNIX_EPOCH.naive_utc(),
    };
    let text = identity.canonical_text();
    let (_, from_context) = text.split_once("\"context\":").unwrap();
    from_context.split_once(",\"reason\"").unwrap().0.to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_float_is_written_so_that_it_reads_back(float in NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE) {
        // With an exponent in its spelling, a whole number is a float, too.
        let text = written(&format!("{float:e}"));
        prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), float.to_bits(), "{}", text);
    }
}

/// All requests for one task type with one reason are the same.
#[derive(Debug)]
struct PerReason;

impl CustomIdentity for PerReason {
    fn identity(&self, input: &IdentityInput<'_>) -> String {
        format!("{}: {}", input.name, input.reason)
    }
}

fn input<'a>(reason: &'a str, context: &'a Json) -> IdentityInput<'a> {
    IdentityInput {
        name: "order",
        initiator: "me",
        source_system: "shop",
        context,
        reason,
        bypass_steps: &[],
        requested_at: DateTime::UNIX_EPOCH.naive_utc(),
    }
}

#[test]
fn each_strategy_says_what_is_the_same() {
    // B-MOD-009, B-IDN-001, B-IDN-004, R-44
    let context = Json::empty_object();
    let of = |rule: &Rule, key| rule.identity(key, &input("why", &context));
    assert_eq!(of(&Rule::Uuid, None), Ok(Identity::Random));
    assert_eq!(of(&Rule::Hash, None), Ok(Identity::Given(input("why", &context).digest())));
    assert_eq!(of(&Rule::Key, Some("k-1")), Ok(Identity::Given("k-1".to_owned())));
    assert_eq!(of(&Rule::custom(PerReason), None), Ok(Identity::Given("order: why".to_owned())));
    assert_eq!(of(&Rule::Key, None), Err(IdentityError::KeyMissing));
    assert_eq!(of(&Rule::Key, Some(" \t")), Err(IdentityError::KeyBlank));
    assert_eq!(of(&Rule::Hash, Some("k-1")), Err(IdentityError::KeyUnused { strategy: "hash" }));
}

#[test]
fn strategies_are_read_by_their_names() {
    let read = |name: &str| name.parse::<Rule>().map(|rule| rule.name()).map_err(|error| error.to_string());
    assert_eq!(read("default"), Ok("uuid"));
    assert_eq!(read("uuid"), Ok("uuid"));
    assert_eq!(read("hash"), Ok("hash"));
    assert_eq!(read("key"), Ok("key"));
    assert_eq!(read("random"), Err("Unknown identity_strategy: random (use `uuid`, `hash` or `key`)".to_owned()));
    assert!(read("custom").unwrap_err().contains("no identity_strategy_class provided"));
}
