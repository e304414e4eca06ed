//! The identity `hash`, compared with what the original computed.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use chrono::DateTime;
use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::prelude::*;
use tasker_domain::identity::IdentityInput;
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
