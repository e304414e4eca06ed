//! What becomes of a task after one of its steps has moved.

use proptest::prelude::*;
use tasker_domain::state::{TaskState, task};
use tasker_domain::verdict::{TaskCounts, TaskDecision, TaskVerdict, after_step};

const NONE: TaskCounts = TaskCounts { finished: 0, running: 0, ready: 0, waiting: 0, held: 0, dead: 0 };

fn verdict(counts: TaskCounts) -> TaskVerdict {
    after_step(&counts, false).verdict
}

#[test]
fn a_dead_step_does_not_end_a_task_while_something_can_go_on() {
    let dead = TaskCounts { finished: 2, dead: 1, held: 3, ..NONE };
    assert_eq!(verdict(TaskCounts { running: 1, ..dead }), TaskVerdict::GoOn);
    assert_eq!(verdict(TaskCounts { ready: 1, ..dead }), TaskVerdict::GoOn);
    assert_eq!(verdict(TaskCounts { waiting: 1, ..dead }), TaskVerdict::Park);
    assert_eq!(verdict(dead), TaskVerdict::Fail);
}

#[test]
fn fail_fast_ends_with_the_last_step_that_runs() {
    let dead = TaskCounts { finished: 2, dead: 1, ready: 2, waiting: 1, ..NONE };
    assert_eq!(after_step(&TaskCounts { running: 2, ..dead }, true).reason.code(), "halting");
    assert_eq!(after_step(&TaskCounts { running: 2, ..dead }, true).verdict, TaskVerdict::GoOn);
    assert_eq!(after_step(&dead, true).verdict, TaskVerdict::Fail);
    assert_eq!(after_step(&dead, false).verdict, TaskVerdict::GoOn);
    let well = TaskCounts { dead: 0, ..dead };
    assert_eq!(after_step(&well, true), after_step(&well, false));
}

#[test]
fn a_cancelled_step_keeps_its_task_from_ending_well() {
    // Cancelled steps count as dead.
    assert_eq!(verdict(TaskCounts { finished: 4, dead: 1, ..NONE }), TaskVerdict::Fail);
    assert_eq!(verdict(TaskCounts { finished: 5, ..NONE }), TaskVerdict::Complete);
}

#[test]
fn a_task_without_steps_is_complete() {
    assert_eq!(verdict(NONE), TaskVerdict::Complete);
}

#[test]
fn rows_that_fit_nothing_end_in_an_error_that_says_so() {
    let decision = after_step(&TaskCounts { finished: 1, held: 2, ..NONE }, false);
    assert_eq!((decision.verdict, decision.reason.code()), (TaskVerdict::Fail, "nothing_can_run"));
}

#[test]
fn every_decision_says_why() {
    let counts =
        |finished, running, ready, waiting, held, dead| TaskCounts { finished, running, ready, waiting, held, dead };
    let decisions = [
        after_step(&NONE, false),
        after_step(&counts(1, 0, 0, 0, 0, 0), false),
        after_step(&counts(3, 0, 0, 0, 0, 0), false),
        after_step(&counts(0, 1, 0, 0, 0, 1), true),
        after_step(&counts(0, 2, 1, 0, 0, 2), true),
        after_step(&counts(0, 0, 0, 0, 0, 1), true),
        after_step(&counts(0, 0, 1, 1, 1, 1), true),
        after_step(&counts(0, 1, 0, 0, 0, 0), false),
        after_step(&counts(0, 0, 2, 0, 0, 0), false),
        after_step(&counts(0, 2, 3, 0, 0, 0), false),
        after_step(&counts(0, 0, 0, 1, 0, 1), false),
        after_step(&counts(0, 0, 0, 3, 0, 0), false),
        after_step(&counts(0, 0, 0, 0, 0, 1), false),
        after_step(&counts(0, 0, 0, 0, 1, 1), false),
        after_step(&counts(0, 0, 0, 0, 4, 2), false),
        after_step(&counts(0, 0, 0, 0, 1, 0), false),
    ];
    let lines: Vec<String> = (decisions.iter())
        .map(|decision| format!("{:?} {}: {}", decision.verdict, decision.reason.code(), decision.reason))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

proptest! {
    #[test]
    fn every_set_of_counts_has_one_lasting_answer(
        finished in 0u64..4, running in 0u64..4, ready in 0u64..4, waiting in 0u64..4, held in 0u64..4, dead in 0u64..4,
        fail_fast: bool,
    ) {
        let counts = TaskCounts { finished, running, ready, waiting, held, dead };
        let decision = after_step(&counts, fail_fast);
        // What is in progress can move there.
        if let Some(to) = decision.verdict.moves_to() {
            prop_assert!(task::transition(TaskState::InProgress, to).is_ok());
        }
        // It ends well exactly when nothing remains, and never while a step runs.
        prop_assert_eq!(decision.verdict == TaskVerdict::Complete, counts.remaining() == 0);
        if running > 0 {
            prop_assert_eq!(decision.verdict, TaskVerdict::GoOn);
        }
        // Something always comes of what is left open.
        match decision.verdict {
            TaskVerdict::GoOn => prop_assert!(running + ready > 0),
            TaskVerdict::Park => prop_assert!(waiting > 0 && running + ready == 0),
            TaskVerdict::Fail => prop_assert!(running == 0 && (fail_fast && dead > 0 || ready + waiting == 0)),
            TaskVerdict::Complete => {}
        }
        let value = serde_json::to_value(decision).unwrap();
        prop_assert_eq!(value["reason"]["code"].as_str(), Some(decision.reason.code()));
        prop_assert_eq!(serde_json::from_value::<TaskDecision>(value).unwrap(), decision);
    }
}
