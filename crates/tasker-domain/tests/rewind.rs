//! What a rewind takes over and what it does anew.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use tasker_domain::graph::Graph;
use tasker_domain::rewind::{Part, check, parts};
use tasker_domain::state::StepState::{self, Cancelled, Complete, Error, Pending, ResolvedManually};
use tasker_domain::state::TaskState;

const ALL: [Part; 3] = [Part::Anew, Part::Complete, Part::Resolved];

/// a → b, c → d, as letters: `.` anew, `c` taken over as complete, `r` as settled by hand.
fn diamond(from: usize, states: [StepState; 4]) -> String {
    let graph = Graph::new(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]).unwrap();
    parts(&graph, from, &states)
        .into_iter()
        .map(|part| match part {
            Part::Anew => '.',
            Part::Complete => 'c',
            Part::Resolved => 'r',
        })
        .collect()
}

#[test]
fn everything_from_the_step_on_is_done_anew() {
    let done = [Complete; 4];
    assert_eq!([0, 1, 2, 3].map(|from| diamond(from, done)), ["....", "c.c.", "cc..", "ccc."]);
    assert_eq!(diamond(1, [Complete, ResolvedManually, ResolvedManually, Complete]), "c.r.");
}

#[test]
fn what_did_not_end_well_is_done_anew_too() {
    assert_eq!(diamond(3, [Complete, Error, Complete, Pending]), "c.c.");
    assert_eq!(diamond(2, [Complete, Cancelled, Error, Pending]), "c...");
    // Settled by hand before its parents had ended.
    assert_eq!(diamond(3, [Error, ResolvedManually, Pending, Pending]), ".r..");
    // Complete before its parents, as only other programs write it: its results came of nothing that is kept.
    assert_eq!(diamond(3, [Error, Complete, Pending, Pending]), "....");
}

#[test]
fn only_what_is_at_rest_is_rewound() {
    for state in TaskState::ALL {
        assert_eq!(check(state).is_ok(), state.is_at_rest(), "{state}");
    }
    assert_eq!(
        check(TaskState::InProgress).unwrap_err().to_string(),
        "cannot rewind what is in_progress; legal would be: cancel, and then rewind"
    );
}

#[test]
fn the_words_are_those_of_the_states() {
    assert_eq!(ALL.map(Part::as_str), ["anew", Complete.as_str(), ResolvedManually.as_str()]);
    assert_eq!(ALL.map(Part::is_taken_over), [false, true, true]);
}
