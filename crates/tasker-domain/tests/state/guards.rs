//! The two guards.

use tasker_domain::state::StepState::{self, Cancelled, Complete, Error, InProgress, Pending, ResolvedManually};
use tasker_domain::state::{Granted, Guard, Refusal, TaskState, step, task};

fn may_start(parents: &[StepState]) -> bool {
    step::request(Pending, InProgress, parents.iter().copied()).is_ok()
}

fn may_complete(steps: &[StepState]) -> bool {
    task::request(TaskState::InProgress, TaskState::Complete, steps.iter().copied()).is_ok()
}

#[test]
fn a_step_starts_when_every_parent_is_complete_or_resolved() {
    assert!(may_start(&[]));
    assert!(may_start(&[Complete]));
    assert!(may_start(&[ResolvedManually]));
    assert!(may_start(&[Complete, Complete]));
    assert!(!may_start(&[Complete, Pending]));
    for unfinished in [Pending, InProgress, Error, Cancelled] {
        assert!(!may_start(&[unfinished]), "{unfinished}");
    }
}

#[test]
fn the_last_step_of_a_cart_cannot_start_first() {
    // fetch the cart, fetch the products, validate, create the order, publish the event: each after the one before
    let mut steps = [Pending; 5];
    for place in (1..5).rev() {
        assert!(!may_start(&[steps[place - 1]]), "step {place}");
    }
    for place in 0..5 {
        assert!(may_start(&steps[..place]), "step {place}");
        steps[place] = Complete;
    }
}

#[test]
fn a_task_completes_when_every_step_is_complete_or_resolved() {
    assert!(may_complete(&[]));
    assert!(may_complete(&[Complete, ResolvedManually]));
    for unfinished in [Pending, InProgress, Error, Cancelled] {
        assert!(!may_complete(&[Complete, unfinished]), "{unfinished}");
    }
}

#[test]
fn a_refusal_says_how_many_stand_in_the_way() {
    let refusal = step::request(Pending, InProgress, [Complete, Error, Pending]).unwrap_err();
    assert!(matches!(refusal, Refusal::Guard { guard: Guard::AllParentsCompleteOrResolved, unmet: 2, .. }));
    let refused = [
        refusal.to_string(),
        task::request(TaskState::InProgress, TaskState::Complete, [Cancelled]).unwrap_err().to_string(),
        task::request(TaskState::Pending, TaskState::Complete, [Complete]).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(refused.join("\n"));
}

#[test]
fn moves_without_a_guard_ask_nothing() {
    let unread = || std::iter::from_fn(|| -> Option<StepState> { panic!("a guard was asked") });
    for edge in StepState::edges().iter().filter(|edge| edge.guard.is_none()) {
        assert_eq!(step::request(edge.from, edge.to, unread()), Ok(Granted::Move(edge)));
    }
    for edge in TaskState::edges().iter().filter(|edge| edge.guard.is_none()) {
        assert_eq!(task::request(edge.from, edge.to, unread()), Ok(Granted::Move(edge)));
    }
}
