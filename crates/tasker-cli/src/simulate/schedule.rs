//! The table of executions.

use tasker_domain::simulation::{Execution, ExecutionEnd, Simulation};
use tasker_domain::template::Template;

use super::instant;
use crate::view::text::{first_line, fit, width};
use crate::view::wording::{count, number};
use crate::view::{Charset, FAINT, Kind, Line};

/// Longer tables are for programs: `--json` has every execution.
const ROWS: usize = 200;

/// A row before it has its columns.
struct Row {
    name: String,
    attempt: String,
    started: String,
    took: String,
}

/// A row for each execution, in the order in which they begin.
pub(super) fn table(template: &Template, simulation: &Simulation, columns: usize, charset: Charset) -> Vec<Line> {
    let executions = simulation.executions();
    let shown = &executions[..executions.len().min(ROWS)];
    let widest = (columns / 3).clamp(8, 40);
    let rows: Vec<Row> = shown
        .iter()
        .map(|execution| {
            let step = &template.steps[execution.place];
            Row {
                name: fit(&step.name, widest, charset),
                attempt: format!("{}/{}", execution.attempt, step.attempts_allowed()),
                started: instant(execution.started),
                took: instant(execution.ended.saturating_sub(execution.started)),
            }
        })
        .collect();
    let widest_of = |heading: &str, text: fn(&Row) -> &str| {
        rows.iter().map(|row| width(text(row))).max().unwrap_or(0).max(heading.len())
    };
    let name = widest_of("step", |row| &row.name);
    let attempt = widest_of("attempt", |row| &row.attempt);
    let started = widest_of("begins", |row| &row.started);
    let took = widest_of("takes", |row| &row.took);
    let ends = [2 + name, 4 + name + attempt, 6 + name + attempt + started, 8 + name + attempt + started + took];

    let mut lines = Vec::with_capacity(rows.len() + 2);
    let mut heading = Line::new();
    heading.push(FAINT, "  step");
    for (word, end) in ["attempt", "begins", "takes"].into_iter().zip(&ends[1..]) {
        heading.pad_to(end - word.len());
        heading.push(FAINT, word);
    }
    heading.push(FAINT, "  outcome");
    lines.push(heading.cut(columns));
    for (execution, row) in shown.iter().zip(&rows) {
        let mut line = Line::new();
        line.plain(format!("  {}", row.name));
        for (text, end) in [&row.attempt, &row.started, &row.took].into_iter().zip(&ends[1..]) {
            line.pad_to(end - width(text));
            line.plain(text.as_str());
        }
        outcome(&mut line, execution, charset);
        lines.push(line.cut(columns));
    }
    if shown.len() < executions.len() {
        let more = count((executions.len() - shown.len()) as u64, "execution");
        let mut line = Line::new();
        line.push(FAINT, format!("  and {more} more; --json has all {}", number(executions.len() as u64)));
        lines.push(line);
    }
    lines
}

fn outcome(line: &mut Line, execution: &Execution, charset: Charset) {
    let (kind, mut words, error) = match &execution.end {
        ExecutionEnd::Succeeded => (Kind::Complete, "succeeds".to_owned(), ""),
        ExecutionEnd::WillRetry { error, until } => {
            (Kind::Retrying, format!("fails, again at {}", instant(*until)), error.as_str())
        }
        ExecutionEnd::Failed { error } => (Kind::Failed, "fails, not tried again".to_owned(), error.as_str()),
        ExecutionEnd::FailedForGood { error } => (Kind::Failed, "fails for good".to_owned(), error.as_str()),
    };
    let stood_in_line = execution.started.saturating_sub(execution.ready);
    if !stood_in_line.is_zero() {
        words.push_str(&format!(", {} in line", instant(stood_in_line)));
    }
    line.plain("  ");
    line.push(kind.style(), kind.mark(charset));
    line.plain(format!(" {words}"));
    if !error.is_empty() {
        line.push(FAINT, format!(": {}", fit(first_line(error), 400, charset)));
    }
}
