//! The reference page, written from the catalogue and the state machines.

use std::fmt::Write as _;

use crate::state::{Machine, State, StepState, TaskState};

use super::{Category, Event, Key, Role};

const INTRODUCTION: &str = "\
# Events

The names are the original's (R-50). Each stands for one real change: it is published once, after the change is committed, in order for each task.
A name that nothing stands behind here is listed as dead, with the reason; the engine never publishes it. This is the catalogue that publishers and
subscribers go by; [subscribing.md](subscribing.md) says how to subscribe and what is told by whom. Templates may declare
[events of their own](templates.md#events).

This page is written from the catalogue in `tasker_domain::event`; a test keeps both equal.
";

/// The page, in Markdown.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for category in Category::ALL {
        table(category, &mut page);
    }
    page.push_str("\n## Moves and their events\n\nWhat each move of the two state machines publishes.\n");
    moves::<TaskState>(&mut page);
    moves::<StepState>(&mut page);
    page.push_str("\n## Payloads\n\nA key in brackets is not always there; one with `?` may be null.\n\n| event | keys |\n|---|---|\n");
    for event in Event::all().filter(|event| event.is_alive()) {
        let keys: Vec<String> = event.keys().iter().map(written).collect();
        let keys = if keys.is_empty() { "(not laid down)".to_owned() } else { keys.join(", ") };
        line(&mut page, format_args!("| `{}` | {keys} |", event.name));
    }
    page
}

fn table(category: Category, page: &mut String) {
    line(page, format_args!("\n## {}\n", category.title()));
    page.push_str("| event | comes when | in the original |\n|---|---|---|\n");
    for event in Event::all().filter(|event| event.category == category) {
        let when = match event.role {
            Role::Move(when) | Role::Moment(when) => when.to_owned(),
            Role::Dead(reason) => format!("dead: {reason}"),
        };
        line(page, format_args!("| `{}` | {when} | {} |", event.name, event.original.words()));
    }
}

fn moves<S: State>(page: &mut String) {
    let machine: &Machine<S> = S::machine();
    line(page, format_args!("\n| a {} goes from | to | event |\n|---|---|---|", S::WHAT));
    line(page, format_args!("| (nothing) | {} | `{}` |", machine.initial, machine.creation_event));
    for edge in machine.edges {
        line(page, format_args!("| {} | {} | `{}` |", edge.from, edge.to, edge.event));
    }
}

fn written(key: &Key) -> String {
    let null = if key.nullable { "?" } else { "" };
    let text = format!("`{}` {}{null}", key.name, key.kind);
    if key.required { text } else { format!("[{text}]") }
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a text cannot fail.
    let _ = writeln!(page, "{text}");
}
