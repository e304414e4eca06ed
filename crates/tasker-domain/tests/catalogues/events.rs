//! The catalogue agrees with what is known of the original and with the state machines.

use std::collections::BTreeSet;

use serde_json::Value;
use tasker_domain::event::{Category, Event, Kind, Level, Original, Role, page};
use tasker_domain::state::{State, StepState, TaskState};

use super::pages::assert_page;

fn recorded() -> Value {
    serde_json::from_str(include_str!("../data/events.json")).unwrap()
}

/// The recorded events without those that exist for the original's own tests.
fn recorded_events(recorded: &Value) -> Vec<&Value> {
    recorded["events"].as_array().unwrap().iter().filter(|event| event["status"] != "test_fixture").collect()
}

#[test]
fn every_name_of_the_original_is_there_once() {
    let recorded = recorded();
    let names: Vec<&str> = recorded_events(&recorded).iter().map(|event| event["name"].as_str().unwrap()).collect();
    let known: Vec<&str> = Event::all().map(|event| event.name).collect();
    assert_eq!(known.iter().collect::<BTreeSet<_>>().len(), known.len());
    assert_eq!(known, names);
    assert_eq!(known.len() as u64, recorded["counts"]["distinct_names_excluding_test"].as_u64().unwrap());
    println!("count: {} events", known.len());
}

#[test]
fn what_the_original_does_with_a_name_is_as_recorded() {
    let recorded = recorded();
    for event in recorded_events(&recorded) {
        let known = Event::named(event["name"].as_str().unwrap()).unwrap();
        let status = match known.original {
            Original::Published => "published",
            Original::ByHostOnly => "published_by_host_only",
            Original::HelperOnly => "helper_only",
            Original::Unreached => "unreached",
            Original::DeclaredOnly => "declared_only",
        };
        assert_eq!(event["status"], status, "{}", known.name);
        let level = match known.level {
            Level::Info => "info",
            Level::Error => "error",
        };
        assert_eq!(event["severity"]["log_backend_level"], level, "{}", known.name);
        let category = match known.category {
            Category::Task => "task",
            Category::Step => "step",
            Category::Workflow => "workflow",
            Category::Observability => "observability",
            Category::Registry => "registry",
            Category::Export => "telemetry_export",
        };
        assert_eq!(event["category"], category, "{}", known.name);
    }
}

/// Keys that the original sends and this engine must not: a whole record that leaks into the payload.
const LEAKS: [(&str, &str); 1] = [("task.completed", "task")];

#[test]
fn payloads_have_the_keys_of_the_original() {
    let recorded = recorded();
    let mut count = 0;
    for event in recorded_events(&recorded) {
        let known = Event::named(event["name"].as_str().unwrap()).unwrap();
        let mut expected: BTreeSet<&str> = BTreeSet::new();
        for publisher in event["publishers"].as_array().unwrap() {
            for block in publisher["payload_blocks"].as_array().into_iter().flatten() {
                let keys = recorded["payload_blocks"][block.as_str().unwrap()].as_object().unwrap();
                expected.extend(keys.keys().map(String::as_str));
            }
            expected.extend(publisher["extra_fields"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()));
        }
        expected.retain(|key| !LEAKS.contains(&(known.name, *key)));
        let keys = known.keys();
        let names: BTreeSet<&str> = keys.iter().map(|key| key.name).collect();
        assert_eq!(names, expected, "{}", known.name);
        assert_eq!(names.len(), keys.len(), "{} has a key twice", known.name);
        count += names.len();
    }
    println!("count: {count} keys of payloads");
}

#[test]
fn kinds_of_values_are_those_recorded() {
    let recorded = recorded();
    let step = Event::named("step.failed").unwrap().keys();
    let base = recorded["payload_blocks"]["step_base"].as_object().unwrap();
    for (name, described) in base {
        let key = step.iter().find(|key| key.name == name).unwrap();
        let kind = described["type"].as_str().unwrap();
        assert_eq!(key.nullable, kind.contains("null"), "{name}");
        match key.kind {
            Kind::Integer => assert!(kind.starts_with("integer"), "{name}: {kind}"),
            Kind::Text => assert!(kind.starts_with("string"), "{name}: {kind}"),
            Kind::Instant => assert!(kind.contains("iso8601"), "{name}: {kind}"),
            other => panic!("{name} is {other}, recorded as {kind}"),
        }
    }
}

fn moves_of<S: State>() -> BTreeSet<&'static str> {
    S::machine().edges.iter().map(|edge| edge.event).collect()
}

#[test]
fn exactly_the_events_of_the_state_machines_are_moves() {
    let expected: BTreeSet<&str> = moves_of::<TaskState>().union(&moves_of::<StepState>()).copied().collect();
    let known: BTreeSet<&str> =
        Event::all().filter(|event| matches!(event.role, Role::Move(_))).map(|event| event.name).collect();
    assert_eq!(known, expected);
    for machine_event in [
        TaskState::machine().creation_event,
        StepState::machine().creation_event,
        TaskState::machine().before_event.unwrap(),
    ] {
        assert!(Event::named(machine_event).unwrap().is_alive(), "{machine_event}");
    }
}

fn assert_moves<S: State>(recorded: &Value) {
    let rows = recorded[format!("{}_transition_events", S::WHAT)].as_array().unwrap();
    let mut checked = 0;
    for row in rows {
        let (to, event) = (row["to"].as_str().unwrap(), row["event"].as_str().unwrap());
        let Some(from) = row["from"].as_str() else { continue };
        let edge = S::machine().edges.iter().find(|edge| edge.from.word() == from && edge.to.word() == to);
        assert_eq!(edge.map(|edge| edge.event), Some(event), "{from} to {to}");
        checked += 1;
    }
    assert_eq!(checked, S::machine().edges.len(), "the machine has moves that the original has no event for");
}

#[test]
fn moves_publish_what_the_original_means_them_to() {
    let recorded = recorded();
    assert_moves::<TaskState>(&recorded);
    assert_moves::<StepState>(&recorded);
}

#[test]
fn what_is_dead_says_why_and_what_the_original_publishes_lives() {
    for event in Event::all() {
        let (Role::Move(text) | Role::Moment(text) | Role::Dead(text)) = event.role;
        assert!(text.len() > 10, "{}", event.name);
        if event.original == Original::Published {
            assert!(event.is_alive(), "{} is published by the original and dead here", event.name);
        }
    }
}

#[test]
fn the_page_is_written_from_the_catalogue() {
    assert_page("docs/events.md", &page());
}
