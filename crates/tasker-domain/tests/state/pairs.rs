//! All 72 pairs of states as the original answered them.

use std::collections::BTreeMap;

use serde::Deserialize;
use tasker_domain::state::{Edge, Granted, IllegalMove, Refusal, State, StepState, TaskState, step, task};

#[derive(Deserialize)]
struct Recording {
    guards: BTreeMap<String, String>,
    task: Recorded,
    step: Recorded,
    event_map_from_nothing: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Recorded {
    initial_state: String,
    states: Vec<String>,
    terminal_states: Vec<String>,
    edge_count: usize,
    matrix: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    from: String,
    to: String,
    allowed: bool,
    guard: Option<String>,
    declared_event: Option<String>,
    observed_event: Option<String>,
    event_before: Option<String>,
}

fn recording() -> Recording {
    serde_json::from_str(include_str!("../data/transitions.json")).unwrap()
}

/// Compares a machine with its recording, pair by pair, and counts the pairs.
fn compare<S>(recorded: &Recorded, arrivals: &BTreeMap<String, String>, transition: Transition<S>) -> usize
where
    S: State + std::str::FromStr,
    S::Err: std::fmt::Debug,
{
    let machine = S::machine();
    assert_eq!(machine.initial.word(), recorded.initial_state);
    assert_eq!(S::all().map(S::word).as_slice(), recorded.states);
    assert_eq!(machine.edges.len(), recorded.edge_count);
    let terminal: Vec<&str> = (S::all().into_iter())
        .filter(|state| machine.edges.iter().all(|edge| edge.from != *state))
        .map(S::word)
        .collect();
    assert_eq!(terminal, recorded.terminal_states);
    for pair in &recorded.matrix {
        let (from, to): (S, S) = (pair.from.parse().unwrap(), pair.to.parse().unwrap());
        let place = format!("{} {from} -> {to}", S::WHAT);
        match transition(from, to) {
            Ok(edge) => {
                assert!(pair.allowed, "{place} was refused");
                assert_eq!((edge.from, edge.to), (from, to), "{place}");
                assert_eq!(edge.guard.map(|guard| guard.as_str().to_owned()), pair.guard, "{place}");
                assert_eq!(Some(edge.event), pair.declared_event.as_deref(), "{place}");
                assert_eq!(Some(machine.arrival_event(to)), pair.observed_event.as_deref(), "{place}");
                assert_eq!(machine.before_event, pair.event_before.as_deref(), "{place}");
            }
            Err(refusal) => {
                assert!(!pair.allowed, "{place} was allowed");
                let legal: Vec<&str> = (recorded.matrix.iter())
                    .filter(|other| other.from == pair.from && other.allowed)
                    .map(|other| other.to.as_str())
                    .collect();
                assert_eq!(refusal.legal().into_iter().map(S::word).collect::<Vec<_>>(), legal, "{place}");
            }
        }
    }
    for (to, event) in arrivals {
        assert_eq!(machine.arrival_event(to.parse().unwrap()), event);
    }
    assert_eq!(arrivals.len(), S::all().len());
    recorded.matrix.len()
}

type Transition<S> = fn(S, S) -> Result<&'static Edge<S>, IllegalMove<S>>;

#[test]
fn the_task_machine_answers_all_pairs_as_recorded() {
    let recording = recording();
    assert_eq!(compare(&recording.task, &recording.event_map_from_nothing["task"], task::transition), 36);
}

#[test]
fn the_step_machine_answers_all_pairs_as_recorded() {
    let recording = recording();
    assert_eq!(compare(&recording.step, &recording.event_map_from_nothing["step"], step::transition), 36);
}

#[test]
fn every_recorded_guard_is_used_by_one_edge() {
    let mut used: Vec<&str> = (TaskState::edges().iter().filter_map(|edge| edge.guard))
        .chain(StepState::edges().iter().filter_map(|edge| edge.guard))
        .map(tasker_domain::state::Guard::as_str)
        .collect();
    used.sort_unstable();
    assert_eq!(used, recording().guards.into_keys().collect::<Vec<_>>());
}

#[test]
fn a_request_for_the_present_state_is_answered_and_not_written() {
    for state in TaskState::ALL {
        assert_eq!(task::request(state, state, [StepState::Pending]), Ok(Granted::AlreadySo));
        assert_eq!(task::transition(state, state), Err(IllegalMove { from: state, to: state }));
    }
    for state in StepState::ALL {
        assert_eq!(step::request(state, state, [StepState::Pending]), Ok(Granted::AlreadySo));
        assert_eq!(step::transition(state, state), Err(IllegalMove { from: state, to: state }));
    }
}

#[test]
fn an_illegal_move_is_refused_before_its_guard_is_asked() {
    let unread = std::iter::from_fn(|| -> Option<StepState> { panic!("a guard was asked") });
    let refusal = task::request(TaskState::Complete, TaskState::InProgress, unread).unwrap_err();
    assert!(matches!(refusal, Refusal::NoEdge(_)));
}

#[test]
fn refusals_list_what_is_legal() {
    let task = |from, to| task::transition(from, to).unwrap_err().to_string();
    let step = |from, to| step::transition(from, to).unwrap_err().to_string();
    insta::assert_snapshot!(
        [
            task(TaskState::Pending, TaskState::Complete),
            task(TaskState::Complete, TaskState::InProgress),
            task(TaskState::Error, TaskState::Cancelled),
            task(TaskState::Error, TaskState::Error),
            task(TaskState::Cancelled, TaskState::Pending),
            step(StepState::Error, StepState::InProgress),
            step(StepState::Complete, StepState::InProgress),
            step(StepState::InProgress, StepState::ResolvedManually),
        ]
        .join("\n")
    );
}
