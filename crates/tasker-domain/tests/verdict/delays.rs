//! The original's delays before it looks at a task again: the recorded sets of steps, and single rules.

use chrono::{NaiveDateTime, TimeDelta};
use serde::Deserialize;
use tasker_domain::verdict::rails::{ReenqueueDelays, Situation};

#[derive(Deserialize)]
struct Recording {
    contexts: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    steps: Vec<Step>,
    expect: Expected,
}

#[derive(Deserialize)]
struct Step {
    state: Option<String>,
    state_age_s: Option<i64>,
    attempts: Option<u32>,
    backoff_request_seconds: Option<i64>,
    last_attempt_age_s: Option<i64>,
}

#[derive(Deserialize)]
struct Expected {
    ready: Vec<bool>,
    execution_status: String,
    reenqueue_delay_s: u32,
}

fn now() -> NaiveDateTime {
    "2025-07-01T12:00:00".parse().unwrap()
}

/// What the original reports as `next_retry_at` of a failed step. The recording began a moment before its call.
fn next_retry_at(step: &Step) -> NaiveDateTime {
    let began = now() - TimeDelta::milliseconds(5);
    if let (Some(asked), Some(age)) = (step.backoff_request_seconds, step.last_attempt_age_s) {
        return began + TimeDelta::seconds(asked - age);
    }
    let wait = (1i64 << step.attempts.unwrap_or(1).min(5)).min(30);
    began + TimeDelta::seconds(wait - step.state_age_s.unwrap())
}

#[test]
fn every_recorded_set_of_steps_has_its_delay() {
    let recording: Recording = serde_json::from_str(include_str!("../data/finalizer-cases.json")).unwrap();
    assert_eq!(recording.contexts.len(), 44);
    for Case { id, steps, expect } in recording.contexts {
        let failed = (steps.iter().zip(&expect.ready))
            .filter(|(step, is_ready)| step.state.as_deref() == Some("error") && !**is_ready)
            .map(|(step, _)| next_retry_at(step));
        let situation = Situation::of_status(Some(&expect.execution_status));
        assert_eq!(ReenqueueDelays::default().seconds(situation, failed, now()), expect.reenqueue_delay_s, "{id}");
    }
}

fn waiting(seconds: &[i64]) -> u32 {
    let retries = seconds.iter().map(|seconds| now() + TimeDelta::seconds(*seconds));
    ReenqueueDelays::default().seconds(Situation::WaitingForDependencies, retries, now())
}

#[test]
fn the_longest_wait_counts_with_a_buffer_and_a_cap() {
    assert_eq!(waiting(&[]), 45);
    assert_eq!(waiting(&[120]), 125);
    assert_eq!(waiting(&[60, 180]), 185);
    assert_eq!(waiting(&[-10]), 5);
    assert_eq!(waiting(&[290, 2]), 295);
    assert_eq!(waiting(&[299]), 300);
    assert_eq!(waiting(&[i64::from(u32::MAX) * 4]), 300);
}

#[test]
fn a_fraction_of_a_second_is_cut_off() {
    let retries = [now() + TimeDelta::milliseconds(1999)];
    assert_eq!(ReenqueueDelays::default().seconds(Situation::WaitingForDependencies, retries, now()), 6);
}

#[test]
fn the_waits_count_for_waiting_tasks_only() {
    for (situation, seconds) in [
        (Situation::HasReadySteps, 0),
        (Situation::Processing, 10),
        (Situation::BlockedByFailures, 30),
        (Situation::AllComplete, 30),
        (Situation::NoContext, 30),
        (Situation::Unknown, 30),
    ] {
        let unread = std::iter::from_fn(|| -> Option<NaiveDateTime> { panic!("a wait was looked at") });
        assert_eq!(ReenqueueDelays::default().seconds(situation, unread, now()), seconds, "{situation:?}");
    }
}

#[test]
fn the_delays_are_settings() {
    let delays: ReenqueueDelays = serde_json::from_str(r#"{"processing": 3, "buffer": 1}"#).unwrap();
    assert_eq!(delays, ReenqueueDelays { processing: 3, buffer: 1, ..ReenqueueDelays::default() });
    assert_eq!(delays.seconds(Situation::Processing, [], now()), 3);
    assert!(serde_json::from_str::<ReenqueueDelays>(r#"{"procesing": 3}"#).is_err());
}
