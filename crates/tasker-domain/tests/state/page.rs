//! The page `docs/state-machines.md` is written from the tables and from the journeys of these tests.
//! `TASKER_WRITE_DOCS=1 cargo nextest run -p tasker-domain --test state` writes it anew.

use std::fmt::Write;
use std::path::Path;

use tasker_domain::state::{Edge, State, StepState, TaskState, mermaid};

use super::journeys::taken;
use super::world::{Taken, key};

const INTRODUCTION: &str = "# State machines

A task and each of its steps have a state: the newest row of their history (`tasker_task_transitions`,
`tasker_workflow_step_transitions`). No row means `pending`. The two tables below are all there is: every other move is refused,
and the refusal lists the legal ones. A state never follows itself.

This page is written by the test `state` of `tasker-domain` from the tables in `crates/tasker-domain/src/state`. An edge that no
journey of the test takes would be marked `untested`.
";

const GUARDS: &str = "
## Guards

| guard | holds when |
|---|---|
| `all_steps_complete` | every step of the task is `complete` or `resolved_manually`; a task without steps passes, one with a cancelled step does not |
| `all_parents_complete_or_resolved` | every parent of the step is `complete` or `resolved_manually`; attempts and waits are not looked at here |

A guard whose facts cannot be read is an error; nothing moves then.
";

fn section<S: State>(text: &mut String, taken: &Taken) {
    let machine = S::machine();
    let title = format!("{}{}", S::WHAT[..1].to_uppercase(), &S::WHAT[1..]);
    let shown = |edge: &Edge<S>| taken.contains_key(&key(edge));
    writeln!(text, "\n## {title}\n\n```mermaid\n{}```\n", mermaid::<S>(shown)).unwrap();
    writeln!(text, "| from | to | event | guard | shown by |\n|---|---|---|---|---|").unwrap();
    for edge in machine.edges {
        let guard = edge.guard.map(|guard| format!("`{guard}`")).unwrap_or_default();
        let journeys = taken.get(&key(edge)).map_or_else(
            || "**untested**".to_owned(),
            |journeys| {
                let first = journeys.iter().take(2).cloned().collect::<Vec<_>>().join("; ");
                let rest = journeys.len().saturating_sub(2);
                if rest == 0 { first } else { format!("{first}; {rest} more") }
            },
        );
        writeln!(text, "| `{}` | `{}` | `{}` | {guard} | {journeys} |", edge.from, edge.to, edge.event).unwrap();
    }
    if let Some(event) = machine.before_event {
        writeln!(text, "\nThe original publishes `{event}` before each of these moves.").unwrap();
    }
    let retold = machine.edges.iter().filter(|edge| machine.arrival_event(edge.to) != edge.event);
    for edge in retold {
        writeln!(
            text,
            "\nThe rows of the original do not say where they come from, so it publishes `{}` for `{}` to `{}`.",
            machine.arrival_event(edge.to),
            edge.from,
            edge.to
        )
        .unwrap();
    }
}

fn page() -> String {
    let taken = taken();
    let mut text = INTRODUCTION.to_owned();
    section::<TaskState>(&mut text, &taken);
    section::<StepState>(&mut text, &taken);
    text + GUARDS
}

#[test]
fn the_page_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/state-machines.md");
    let page = page();
    if std::env::var_os("TASKER_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == page, "docs/state-machines.md is not up to date: run this test with TASKER_WRITE_DOCS=1");
}

#[test]
fn the_committed_page_knows_no_untested_edge() {
    let committed = include_str!("../../../../docs/state-machines.md");
    assert_eq!(committed.matches("untested").count(), 1, "only the introduction speaks of untested edges");
    for diagram in [mermaid::<TaskState>(|_| true), mermaid::<StepState>(|_| true)] {
        assert!(committed.contains(&diagram));
    }
}

#[test]
fn an_edge_that_no_test_takes_is_marked() {
    let diagram = mermaid::<StepState>(|edge| edge.from != StepState::Error);
    assert_eq!(diagram.matches("(untested)").count(), 2);
}
