//! A machine as a Mermaid diagram.

use std::fmt::Write;

use super::{Edge, State};

/// Draws the machine of `S` as a Mermaid state diagram. An edge for which `is_shown` says no gets the mark `untested`.
///
/// ```
/// use tasker_domain::state::{TaskState, mermaid};
/// assert!(mermaid::<TaskState>(|_| true).contains("pending --> in_progress: task.start_requested"));
/// ```
pub fn mermaid<S: State>(mut is_shown: impl FnMut(&Edge<S>) -> bool) -> String {
    let machine = S::machine();
    let mut text = String::from("stateDiagram-v2\n");
    let mut line = |words: std::fmt::Arguments<'_>| {
        writeln!(text, "    {words}").expect("a string takes what is written");
    };
    line(format_args!("[*] --> {}", machine.initial.word()));
    for edge in machine.edges {
        let guard = edge.guard.map(|guard| format!(" [{guard}]")).unwrap_or_default();
        let mark = if is_shown(edge) { "" } else { " (untested)" };
        line(format_args!("{} --> {}: {}{guard}{mark}", edge.from.word(), edge.to.word(), edge.event));
    }
    for state in S::all() {
        if machine.edges.iter().all(|edge| edge.from != state) {
            line(format_args!("{} --> [*]", state.word()));
        }
    }
    text
}
