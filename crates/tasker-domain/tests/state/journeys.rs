//! Journeys through the machines: the recorded runs of the original, and the operations of ours. What is taken here is
//! what the page calls tested.

use serde::Deserialize;
use tasker_domain::state::{State, StepState, TaskState};

use super::world::{Taken, World, key};

#[derive(Deserialize)]
struct Traces {
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
struct Scenario {
    name: String,
    definition: Vec<Defined>,
    phases: Vec<Phase>,
}

#[derive(Deserialize)]
struct Defined {
    name: String,
    depends_on: Vec<String>,
}

#[derive(Deserialize)]
struct Phase {
    events: Vec<Event>,
    after: Option<After>,
}

#[derive(Deserialize)]
struct Event {
    event: String,
    step: Option<String>,
    /// Only the machines' own events have it.
    to_state: Option<String>,
}

#[derive(Deserialize)]
struct After {
    task: Row,
    steps: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    name: String,
    state: String,
    transitions: Vec<(String, i64, serde_json::Value)>,
}

/// Replays the recorded runs; gives their number.
fn replay_traces(taken: &mut Taken) -> usize {
    let traces: Traces = serde_json::from_str(include_str!("../data/traces.json")).unwrap();
    for scenario in &traces.scenarios {
        let steps: Vec<_> =
            (scenario.definition.iter()).map(|step| (step.name.clone(), step.depends_on.clone())).collect();
        let mut world = World::new(&scenario.name, &steps, taken);
        for phase in &scenario.phases {
            for event in &phase.events {
                let Some(to) = &event.to_state else { continue };
                // The original announces a task's move and then reports it.
                if Some(event.event.as_str()) == TaskState::machine().before_event {
                    continue;
                }
                let arrival = match &event.step {
                    None => TaskState::machine().arrival_event(world.move_task(to.parse().unwrap()).to),
                    Some(step) => StepState::machine().arrival_event(world.move_step(step, to.parse().unwrap()).to),
                };
                assert_eq!(arrival, event.event, "{}", scenario.name);
            }
            let Some(after) = &phase.after else { continue };
            assert_eq!(world.task_state().as_str(), after.task.state, "{}", scenario.name);
            compare_rows(&scenario.name, world.task_rows(), &after.task);
            for row in &after.steps {
                assert_eq!(world.step_state(&row.name).as_str(), row.state, "{}", scenario.name);
                compare_rows(&scenario.name, world.step_rows(&row.name), row);
            }
        }
    }
    traces.scenarios.len()
}

fn compare_rows(scenario: &str, ours: &[String], recorded: &Row) {
    let recorded: Vec<(&str, i64)> =
        recorded.transitions.iter().map(|(to, sort_key, _)| (to.as_str(), *sort_key)).collect();
    let ours: Vec<(&str, i64)> =
        (ours.iter().enumerate()).map(|(place, to)| (to.as_str(), i64::try_from(place + 1).unwrap() * 10)).collect();
    assert_eq!(ours, recorded, "{scenario}");
}

/// An operation of a person or of the engine, as moves of `task` or of a step.
struct Operation {
    name: &'static str,
    moves: &'static [(&'static str, &'static str)],
}

/// The rows that each operation writes, on a task of the steps `a` and, after it, `b`.
const OPERATIONS: &[Operation] = &[
    Operation { name: "bypass a step", moves: &[("task", "in_progress"), ("a", "in_progress"), ("a", "complete")] },
    Operation {
        name: "cancel a task that waits",
        moves: &[("a", "cancelled"), ("b", "cancelled"), ("task", "cancelled")],
    },
    Operation {
        name: "cancel a task that runs",
        moves: &[
            ("task", "in_progress"),
            ("a", "in_progress"),
            ("a", "cancelled"),
            ("b", "cancelled"),
            ("task", "cancelled"),
        ],
    },
    Operation {
        name: "cancel a failed task",
        moves: &[
            ("task", "in_progress"),
            ("a", "in_progress"),
            ("a", "error"),
            ("task", "error"),
            ("a", "pending"),
            ("a", "cancelled"),
            ("b", "cancelled"),
            ("task", "pending"),
            ("task", "cancelled"),
        ],
    },
    Operation {
        name: "cancel a complete task",
        moves: &[
            ("task", "in_progress"),
            ("a", "in_progress"),
            ("a", "complete"),
            ("b", "in_progress"),
            ("b", "complete"),
            ("task", "complete"),
            ("task", "cancelled"),
        ],
    },
    Operation {
        name: "resolve a waiting step",
        moves: &[("a", "resolved_manually"), ("task", "in_progress"), ("b", "in_progress")],
    },
    Operation {
        name: "resolve a failed task and cancel it then",
        moves: &[
            ("task", "in_progress"),
            ("a", "in_progress"),
            ("a", "error"),
            ("task", "error"),
            ("task", "resolved_manually"),
            ("task", "cancelled"),
        ],
    },
    Operation {
        name: "complete a failed step with given results",
        moves: &[
            ("task", "in_progress"),
            ("a", "in_progress"),
            ("a", "error"),
            ("a", "pending"),
            ("a", "in_progress"),
            ("a", "complete"),
        ],
    },
    Operation {
        name: "wait for a retry, then run again",
        moves: &[
            ("task", "in_progress"),
            ("a", "in_progress"),
            ("a", "error"),
            ("task", "pending"),
            ("task", "in_progress"),
            ("a", "pending"),
            ("a", "in_progress"),
        ],
    },
    Operation { name: "a step that cannot start fails", moves: &[("a", "error"), ("task", "error")] },
];

fn run_operations(taken: &mut Taken) {
    let steps = [("a".to_owned(), vec![]), ("b".to_owned(), vec!["a".to_owned()])];
    for operation in OPERATIONS {
        let mut world = World::new(operation.name, &steps, taken);
        for (what, to) in operation.moves {
            match *what {
                "task" => drop(world.move_task(to.parse().unwrap())),
                step => drop(world.move_step(step, to.parse().unwrap())),
            }
        }
    }
}

/// The edges that all journeys take.
pub(crate) fn taken() -> Taken {
    let mut taken = Taken::new();
    replay_traces(&mut taken);
    run_operations(&mut taken);
    taken
}

#[test]
fn the_recorded_runs_move_by_our_machines() {
    let mut taken = Taken::new();
    assert_eq!(replay_traces(&mut taken), 20);
    assert!(taken.len() >= 12, "{taken:?}");
}

#[test]
fn the_operations_write_legal_moves_only() {
    let mut taken = Taken::new();
    run_operations(&mut taken);
    assert!(taken.len() >= 12, "{taken:?}");
}

#[test]
fn every_edge_is_taken() {
    let taken = taken();
    for edge in TaskState::edges() {
        assert!(taken.contains_key(&key(edge)), "no journey takes {edge:?}");
    }
    for edge in StepState::edges() {
        assert!(taken.contains_key(&key(edge)), "no journey takes {edge:?}");
    }
    assert_eq!(taken.len(), 20);
}
