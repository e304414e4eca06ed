//! What becomes of a step after an attempt.

use std::time::Duration;

use tasker_domain::retry::AskedWait;
use tasker_domain::state::{StepState, step};
use tasker_domain::verdict::{
    self, AttemptEnd, AttemptFacts, Death, FailedAttempt, Failure, NegativeLimit, StepDecision, StepVerdict, Verdict,
    attempts_allowed,
};

const FAILED: FailedAttempt =
    FailedAttempt { attempt: 1, attempts_allowed: 3, failure: Failure::MayPass, asked: AskedWait::Nothing };

fn decide(end: AttemptEnd) -> StepDecision {
    verdict::after_attempt(AttemptFacts { end, claim_stands: true, task_halted: false }, None)
}

fn asked(seconds: u64) -> AskedWait {
    AskedWait::AtLeast(Duration::from_secs(seconds))
}

#[test]
fn a_failure_is_retried_until_the_attempts_are_used_up() {
    let facts = FailedAttempt { attempts_allowed: 2, ..FAILED };
    let decide = |facts| verdict::after_failure(facts, None);
    assert!(matches!(decide(facts), Verdict::Retry(wait) if wait.wait == Duration::from_secs(2)));
    assert_eq!(decide(FailedAttempt { attempt: 2, ..facts }), Verdict::Exhausted { asked_seconds: None });
    assert_eq!(decide(FailedAttempt { attempts_allowed: 1, ..facts }), Verdict::Exhausted { asked_seconds: None });
    assert_eq!(decide(FailedAttempt { failure: Failure::Permanent, ..facts }), Verdict::Permanent);
}

#[test]
fn a_permanent_failure_is_never_tried_again() {
    let permanent = FailedAttempt { failure: Failure::Permanent, asked: asked(60), ..FAILED };
    let decision = decide(AttemptEnd::Failed(permanent));
    assert_eq!(decision.verdict, StepVerdict::Dead { cause: Death::Permanent, asked_seconds: None });
    assert_eq!(decision.reason.code(), "failed_for_good");
}

#[test]
fn a_wait_that_was_asked_for_is_not_used_twice() {
    let first = decide(AttemptEnd::Failed(FailedAttempt { asked: asked(120), ..FAILED }));
    assert!(matches!(first.verdict, StepVerdict::Retry(wait)
        if wait.wait == Duration::from_secs(120) && wait.asked_seconds == Some(120)));
    let second = decide(AttemptEnd::Failed(FailedAttempt { attempt: 2, ..FAILED }));
    assert!(matches!(second.verdict, StepVerdict::Retry(wait)
        if wait.wait == Duration::from_secs(4) && wait.asked_seconds.is_none()));
}

#[test]
fn the_last_failure_leaves_its_wish_in_the_row() {
    let decision = decide(AttemptEnd::Failed(FailedAttempt { attempt: 3, asked: asked(7), ..FAILED }));
    assert_eq!(decision.verdict, StepVerdict::Dead { cause: Death::Exhausted, asked_seconds: Some(7) });
}

#[test]
fn an_abandoned_attempt_counts() {
    let abandoned = |attempt| decide(AttemptEnd::Abandoned { attempt, attempts_allowed: 2 });
    assert!(matches!(abandoned(1).verdict, StepVerdict::Retry(wait) if wait.wait == Duration::from_secs(2)));
    assert_eq!(abandoned(1).reason.code(), "worker_lost");
    assert_eq!(abandoned(2).verdict, StepVerdict::Dead { cause: Death::Exhausted, asked_seconds: None });
}

#[test]
fn a_claim_that_does_not_stand_changes_nothing() {
    for end in [AttemptEnd::Succeeded, AttemptEnd::Failed(FAILED), AttemptEnd::HandedBack] {
        let facts = AttemptFacts { end, claim_stands: false, task_halted: false };
        let decision = verdict::after_attempt(facts, None);
        assert_eq!(decision.verdict, StepVerdict::Nothing);
        assert!(decision.verdict.rows().is_empty());
        assert_eq!(decision.reason.code(), "claim_lost");
    }
}

#[test]
fn in_a_task_that_ends_nothing_is_tried_again_but_results_count() {
    let decide =
        |end| verdict::after_attempt(AttemptFacts { end, claim_stands: true, task_halted: true }, None).verdict;
    assert_eq!(decide(AttemptEnd::Succeeded), StepVerdict::Complete);
    assert_eq!(
        decide(AttemptEnd::Failed(FailedAttempt { asked: asked(9), ..FAILED })),
        StepVerdict::Dead { cause: Death::Halted, asked_seconds: Some(9) }
    );
    assert_eq!(
        decide(AttemptEnd::Failed(FailedAttempt { attempt: 3, ..FAILED })),
        StepVerdict::Dead { cause: Death::Exhausted, asked_seconds: None }
    );
}

/// Every verdict there is, with its decision.
fn every_decision() -> Vec<StepDecision> {
    let halted = AttemptFacts { end: AttemptEnd::Failed(FAILED), claim_stands: true, task_halted: true };
    let lost = AttemptFacts { end: AttemptEnd::Succeeded, claim_stands: false, task_halted: false };
    vec![
        decide(AttemptEnd::Succeeded),
        verdict::bypassed(),
        decide(AttemptEnd::Failed(FAILED)),
        decide(AttemptEnd::Failed(FailedAttempt { asked: AskedWait::AtLeast(Duration::from_millis(2500)), ..FAILED })),
        verdict::after_attempt(
            AttemptFacts { end: AttemptEnd::Failed(FAILED), claim_stands: true, task_halted: false },
            Some(&mut || 0.25),
        ),
        decide(AttemptEnd::Abandoned { attempt: 1, attempts_allowed: 3 }),
        decide(AttemptEnd::Failed(FailedAttempt { attempt: 3, ..FAILED })),
        decide(AttemptEnd::Failed(FailedAttempt { attempts_allowed: 1, ..FAILED })),
        decide(AttemptEnd::Failed(FailedAttempt { failure: Failure::Permanent, ..FAILED })),
        verdict::after_attempt(halted, None),
        decide(AttemptEnd::HandedBack),
        verdict::after_attempt(lost, None),
    ]
}

#[test]
fn every_verdict_writes_legal_rows() {
    for decision in every_decision() {
        let mut state = StepState::InProgress;
        for next in decision.verdict.rows() {
            state = step::transition(state, *next).unwrap().to;
        }
    }
}

#[test]
fn every_decision_says_why() {
    let lines: Vec<String> =
        every_decision().iter().map(|decision| format!("{}: {}", decision.reason.code(), decision.reason)).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_code_is_the_same_in_json() {
    for decision in every_decision() {
        let value = serde_json::to_value(decision).unwrap();
        assert_eq!(value["reason"]["code"], decision.reason.code());
        assert_eq!(serde_json::from_value::<StepDecision>(value).unwrap(), decision);
    }
}

#[test]
fn attempts_are_counted_in_all() {
    for (retryable, limit, allowed) in [
        (true, Some(3), 3),
        (true, Some(1), 1),
        (true, Some(0), 1),
        (true, None, 3),
        (false, Some(3), 1),
        (false, None, 1),
        (true, Some(i32::MAX), 2_147_483_647),
    ] {
        assert_eq!(attempts_allowed(retryable, limit), Ok(allowed), "{retryable} {limit:?}");
    }
    assert_eq!(attempts_allowed(true, Some(-1)), Err(NegativeLimit(-1)));
    assert!(NegativeLimit(-1).to_string().contains("-1 is negative"));
}
