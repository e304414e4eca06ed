//! The result block: what became of the run, why, and where to go next.

use std::time::Duration;

use super::kind::{FAINT, Kind, STRONG, Totals};
use super::line::Line;
use super::model::{Phase, RunModel, Step, StepState, StopReason, TaskEnd};
use super::rows::{end_kind, run_time, title};
use super::settings::Charset;
use super::text::{first_line, fit, message_lines, width};
use super::wording::{count, limit, number, span};

/// No line is longer than this before the terminal breaks it.
const COLUMNS: usize = 400;

/// Names stand in a column up to this width.
const NAME_COLUMNS: usize = 40;

/// Steps that hold the task are named up to this many; all of them failed in one way or another.
const NAMED_STEPS: usize = 20;

/// The lines shown of one error.
const MESSAGE_LINES: usize = 5;

/// Something to do next, with the command that does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    /// What the command is for, without punctuation at its end: `To go on where it stopped`.
    pub purpose: String,
    /// The command, ready to be copied. Control characters are made visible, the length is left alone.
    pub command: String,
}

/// The block for a run as it stands. With `columns` its sentences are broken between words to that width; commands
/// never are, so that they can be copied.
pub fn result_block(
    model: &RunModel,
    now: Duration,
    next: &[NextStep],
    columns: Option<usize>,
    charset: Charset,
) -> Vec<Line> {
    let lines = unbroken(model, now, charset);
    let mut lines = match columns {
        // Messages keep their indentation.
        Some(columns) => lines.into_iter().flat_map(|(indent, line)| line.broken(columns, indent)).collect(),
        None => lines.into_iter().map(|(_, line)| line).collect::<Vec<Line>>(),
    };
    lines.extend(next_steps_block(next, charset));
    lines
}

/// What to do next, each with its command.
pub fn next_steps_block(next: &[NextStep], charset: Charset) -> Vec<Line> {
    let mut lines = Vec::new();
    for next_step in next {
        lines.push(Line::new());
        let mut purpose = Line::new();
        purpose.push(FAINT, format!("  {}:", fit(&next_step.purpose, COLUMNS, charset)));
        lines.push(purpose);
        let mut command = Line::new();
        command.plain("    ");
        // A command that was cut would be of no use, and one in other characters another command.
        command.push(STRONG, fit(&next_step.command, usize::MAX / 64, Charset::Unicode));
        lines.push(command);
    }
    lines
}

/// What the last steps of a task left: name and JSON text of each, as much as fits on one line.
pub fn results_block(results: &[(&str, &str)], columns: Option<usize>, charset: Charset) -> Vec<Line> {
    let room = columns.unwrap_or(COLUMNS).clamp(20, COLUMNS) - 4;
    let mut lines = Vec::new();
    for (name, json) in results.iter().take(NAMED_STEPS) {
        lines.push(Line::new());
        let mut heading = Line::new();
        heading.push(FAINT, format!("  {} left:", fit(name, room, charset)));
        lines.push(heading);
        let mut result = Line::new();
        result.plain(format!("    {}", fit(json, room, charset)));
        lines.push(result);
    }
    lines
}

/// The lines with the indentation of what is broken off them.
fn unbroken(model: &RunModel, now: Duration, charset: Charset) -> Vec<(usize, Line)> {
    let mut lines = vec![(2, headline(model, charset)), (2, numbers(model, now, charset))];
    if let Phase::Stopped { reason, .. } = model.phase() {
        lines.push((2, stop_line(reason, charset)));
    }
    lines.extend(step_lines(model, charset));
    lines
}

/// `✗ Task 17 ended in error · shop/process_order@1.0.0`
fn headline(model: &RunModel, charset: Charset) -> Line {
    let (kind, what) = match model.phase() {
        Phase::Ended { state, .. } => {
            let words = match end_kind(*state) {
                Kind::Complete => "is complete",
                Kind::Failed => "ended in error",
                Kind::Cancelled => "was cancelled",
                _ => "was resolved by hand",
            };
            (end_kind(*state), words)
        }
        Phase::Stopped { reason, .. } => {
            let words = match reason {
                StopReason::TimedOut { .. } => "is not finished: out of time",
                StopReason::Interrupted => "is not finished: interrupted",
                StopReason::DatabaseLost { .. } => "is not finished: the database was lost",
            };
            (Kind::Retrying, words)
        }
        Phase::Creating | Phase::Running | Phase::Parked { .. } => (Kind::Running, "is still running"),
    };
    let task = model.task_id().map_or_else(|| "The task".to_owned(), |id| format!("Task {id}"));
    let mut line = Line::new();
    line.push(kind.style(), kind.mark(charset));
    line.plain(" ");
    line.push(kind.style().bold(), format!("{task} {what}"));
    line.push(FAINT, charset.separator());
    line.plain(title(model, COLUMNS, charset));
    line
}

/// `  4 of 6 steps complete · 9 executions · 12.4 s`
fn numbers(model: &RunModel, now: Duration, charset: Charset) -> Line {
    let totals = Totals::of_all(model);
    let done = format!("{} of {} complete", number(totals.done() as u64), count(totals.all() as u64, "step"));
    let parts = [done, count(model.executions(), "execution"), span(run_time(model, now))];
    let mut line = Line::new();
    line.plain("  ");
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            line.push(FAINT, charset.separator());
        }
        line.plain(part);
    }
    line
}

fn stop_line(reason: &StopReason, charset: Charset) -> Line {
    let text = match reason {
        StopReason::TimedOut { limit: after } => {
            format!("  The time limit of {} was reached. What is complete stays complete.", limit(*after))
        }
        StopReason::Interrupted => "  The task was handed back. What is complete stays complete.".to_owned(),
        StopReason::DatabaseLost { error } => {
            format!("  The last try said: {}", fit(first_line(error), COLUMNS, charset))
        }
    };
    let mut line = Line::new();
    line.plain(text);
    line
}

/// Steps that somebody should look at. A task in error is held by its dead steps, failed or cancelled; with
/// any other end the failed ones are worth a word.
fn step_lines(model: &RunModel, charset: Charset) -> Vec<(usize, Line)> {
    let is_held = matches!(model.phase(), Phase::Ended { state: TaskEnd::Error, .. });
    let is_dead = |step: &&Step| match step.state {
        StepState::Failed { .. } => true,
        StepState::Cancelled => is_held,
        _ => false,
    };
    let dead: Vec<&Step> = model.steps().iter().filter(is_dead).collect();
    let mut lines = Vec::new();
    if !dead.is_empty() {
        let steps = count(dead.len() as u64, "step");
        let mut heading = Line::new();
        heading.plain(if is_held { format!("  Held by {steps}:") } else { format!("  {steps} failed:") });
        lines.extend([(0, Line::new()), (2, heading)]);
        lines.extend(named_lines(&dead, charset));
    }
    let never_ran = Totals::of_all(model).get(Kind::NeverRan);
    if never_ran > 0 {
        let mut line = Line::new();
        line.push(FAINT, format!("  {} {} never ran.", Kind::NeverRan.mark(charset), count(never_ran as u64, "step")));
        lines.push((4, line));
    }
    lines
}

fn named_lines(dead: &[&Step], charset: Charset) -> Vec<(usize, Line)> {
    let mut lines = Vec::new();
    let named = &dead[..dead.len().min(NAMED_STEPS)];
    let names: Vec<String> = named.iter().map(|step| fit(&step.name, NAME_COLUMNS, charset)).collect();
    let name_column = names.iter().map(|name| width(name)).max().unwrap_or(0);
    for (step, name) in named.iter().zip(names) {
        let kind = Kind::of(&step.state);
        let mut line = Line::new();
        line.plain("  ");
        line.push(kind.style(), kind.mark(charset));
        line.plain(" ");
        line.push(STRONG, name);
        line.pad_to(4 + name_column);
        line.plain("  ");
        line.plain(why(step));
        lines.push((8, line));
        if let StepState::Failed { error, .. } = &step.state {
            lines.extend(error_lines(error, charset).into_iter().map(|line| (6, line)));
        }
    }
    if dead.len() > named.len() {
        let mut more = Line::new();
        more.push(FAINT, format!("    and {} more", number((dead.len() - named.len()) as u64)));
        lines.push((4, more));
    }
    lines
}

fn why(step: &Step) -> String {
    match &step.state {
        StepState::Failed { attempts, permanent: true, .. } => {
            format!("failed for good in attempt {attempts}: trying again cannot help")
        }
        StepState::Failed { attempts: 0, .. } => "dead before its first attempt".to_owned(),
        StepState::Failed { attempts, .. } => {
            let tried = if *attempts == 1 { "its only attempt".to_owned() } else { format!("all {attempts} attempts") };
            if *attempts >= step.attempt_limit {
                format!("failed in {tried}")
            } else {
                format!("failed in attempt {attempts}")
            }
        }
        other => Kind::of(other).words().to_owned(),
    }
}

/// The beginning of an error, indented, and a sign where there is more.
fn error_lines(error: &str, charset: Charset) -> Vec<Line> {
    let (mut texts, has_more) = message_lines(error, MESSAGE_LINES, COLUMNS, charset);
    if texts.is_empty() {
        texts.push("it left no message".to_owned());
    }
    if has_more {
        texts.push(charset.ellipsis().to_owned());
    }
    let indented = |text: String| {
        let mut line = Line::new();
        line.plain(format!("      {text}"));
        line
    };
    texts.into_iter().map(indented).collect()
}
