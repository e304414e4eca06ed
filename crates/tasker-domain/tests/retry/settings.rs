//! Settings of growing waits (B-RTY-001 to B-RTY-037).

use serde_json::json;
use tasker_domain::retry::{AskedWait, Backoff, Request, RetryWait};

fn read(value: serde_json::Value) -> Result<Backoff, serde_json::Error> {
    serde_json::from_value(value)
}

#[test]
fn the_defaults_are_the_originals() {
    let defaults = json!({
        "default_backoff_seconds": [1, 2, 4, 8, 16, 32],
        "max_backoff_seconds": 300,
        "backoff_multiplier": 2.0,
        "jitter_enabled": true,
        "jitter_max_percentage": 0.1,
    });
    assert_eq!(serde_json::to_value(Backoff::default()).unwrap(), defaults);
    assert_eq!(read(json!({})).unwrap(), Backoff::default());
}

#[test]
fn what_is_given_counts() {
    let given = json!({
        "default_backoff_seconds": [5, 10],
        "max_backoff_seconds": 60,
        "backoff_multiplier": 3,
        "jitter_enabled": false,
        "jitter_max_percentage": 0.25,
    });
    let backoff = read(given).unwrap();
    assert_eq!(backoff.default_backoff_seconds, [5, 10]);
    assert_eq!(backoff.max_backoff_seconds, 60);
    assert_eq!(backoff.backoff_multiplier, 3.0);
    assert!(!backoff.jitter_enabled);
    assert_eq!(backoff.jitter_max_percentage, 0.25);
    assert_eq!([1, 2, 3, 100].map(|attempt| backoff.delay(attempt, 1.0)), [5, 10, 27, 60]);
    assert_ne!(backoff, Backoff::default());
    assert_eq!(backoff, backoff.clone());
}

#[test]
fn what_has_the_wrong_type_is_refused() {
    for (key, value) in [
        ("default_backoff_seconds", json!("1,2")),
        ("default_backoff_seconds", json!([1, "2"])),
        ("default_backoff_seconds", json!([1, 2.5])),
        ("default_backoff_seconds", json!([-1])),
        ("max_backoff_seconds", json!("300")),
        ("max_backoff_seconds", json!(300.5)),
        ("backoff_multiplier", json!("2")),
        ("jitter_enabled", json!("yes")),
        ("jitter_max_percentage", json!("10%")),
        ("jitter", json!(true)),
    ] {
        assert!(read(json!({ key: value })).is_err(), "{key}: {value}");
    }
}

#[test]
fn half_of_a_second_is_never_reached_by_chance() {
    let backoff = Backoff { jitter_max_percentage: 0.5, ..Backoff::default() };
    let waits: Vec<u32> = (0..=10).map(|tenth| backoff.delay(1, f64::from(tenth) / 10.0)).collect();
    assert!(waits.iter().all(|wait| (1..=2).contains(wait)), "{waits:?}");
    assert!(waits.contains(&1) && waits.contains(&2));
    let whole = Backoff { jitter_max_percentage: 1.0, ..Backoff::default() };
    assert_eq!(whole.delay(2, 0.0), 1);
}

#[test]
fn without_chance_the_answer_is_always_the_same() {
    let backoff = Backoff { jitter_enabled: false, ..Backoff::default() };
    for attempt in 0..50 {
        assert_eq!(backoff.delay(attempt, 0.0), backoff.delay(attempt, 1.0));
    }
}

#[test]
fn settings_beyond_reason_are_survived() {
    for exponent in [f64::NAN, f64::INFINITY, -3.0, 1e300] {
        let backoff = Backoff { default_backoff_seconds: vec![], backoff_multiplier: exponent, ..Backoff::default() };
        assert!(backoff.base(u32::MAX) <= 300);
    }
    let backoff = Backoff {
        default_backoff_seconds: vec![u32::MAX],
        max_backoff_seconds: u32::MAX,
        jitter_max_percentage: f64::INFINITY,
        ..Backoff::default()
    };
    assert_eq!(backoff.delay(1, 1.0), u32::MAX);
    assert_eq!(backoff.delay(1, f64::NAN), 1);
}

#[test]
fn the_kinds_of_waits_have_stable_names() {
    let asked = [json!("nothing"), json!({"at_least": 2.5}), json!("table")];
    for value in asked {
        let read: AskedWait = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), value);
    }
    let requests = [
        json!({"backoff_type": "server_requested", "seconds": 30}),
        json!({"backoff_type": "exponential", "seconds": 4, "attempt": 3}),
        json!({"backoff_type": "none"}),
    ];
    for value in requests {
        let read: Request = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), value);
    }
    let wait = json!({"wait_seconds": 2.2, "asked_seconds": null});
    let read: RetryWait = serde_json::from_value(wait.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), wait);
    for odd in [json!({"at_least": -1.0}), json!({"at_least": 1e300})] {
        assert!(serde_json::from_value::<AskedWait>(odd).is_err());
    }
}
