//! The rows of the live list: a step, the header, the totals.

use std::time::Duration;

use anstyle::Style;

use super::kind::{FAINT, Kind, STRONG, Totals};
use super::line::Line;
use super::model::{Phase, RunModel, Step, StepState, StopReason, TaskEnd};
use super::settings::Charset;
use super::text::{cut, first_line, fit, width};
use super::wording::{count, moving, number, remaining, span};

/// From this width on there is room for words beside the marks.
const ROOMY: usize = 60;

/// Whether a row of this width has room for words beside the marks.
pub(crate) fn is_roomy(columns: usize) -> bool {
    columns >= ROOMY
}

/// The columns of the list of steps, the same for all rows of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    /// What a row may take in all.
    pub(crate) total: usize,
    /// The level and what shows that steps stand side by side.
    pub(crate) gutter: usize,
    name: usize,
    attempt: usize,
}

impl Columns {
    /// Columns that suit the steps of the run. They depend on nothing that changes, so that rows keep their shape from
    /// one picture to the next.
    pub(crate) fn fitting(model: &RunModel, total: usize, gutter: usize, charset: Charset) -> Self {
        let widest = if total >= ROOMY { total * 2 / 5 } else { (total * 2 / 5).max(8) };
        let (mut name, mut attempt_limit) = (0, 1);
        for step in model.steps() {
            if name < widest {
                name = name.max(width(&fit(&step.name, widest, charset)));
            }
            attempt_limit = attempt_limit.max(step.attempt_limit);
        }
        Self { total, gutter, name, attempt: format!("{attempt_limit}/{attempt_limit}").len() }
    }

    /// Whether there is room for words beside the marks.
    pub(crate) fn is_roomy(&self) -> bool {
        is_roomy(self.total)
    }

    /// Where the particulars of a step begin.
    fn detail(&self) -> usize {
        let gap = if self.is_roomy() { 2 } else { 1 };
        self.gutter + 2 + self.name + 1 + self.attempt + gap
    }
}

/// The number of the attempt and of all attempts, `2/3`; nothing before the first.
fn attempt_text(step: &Step) -> String {
    let attempt = match step.state {
        StepState::Running { attempt, .. } | StepState::Retrying { attempt, .. } => attempt,
        StepState::Complete { attempts, .. } | StepState::Failed { attempts, .. } => attempts,
        StepState::Waiting
        | StepState::Ready
        | StepState::Cancelled
        | StepState::ResolvedManually
        | StepState::NeverRan => return String::new(),
    };
    format!("{attempt}/{}", step.attempt_limit)
}

/// One step: what stands in the gutter, mark, name, attempt, particulars.
pub(crate) fn step_row(
    model: &RunModel,
    position: usize,
    gutter: &str,
    now: Duration,
    columns: &Columns,
    charset: Charset,
) -> Line {
    let step = &model.steps()[position];
    let kind = Kind::of(&step.state);
    let mut line = Line::new();
    line.push(FAINT, gutter);
    line.pad_to(columns.gutter);
    line.push(kind.style(), kind.mark(charset));
    line.plain(" ");
    let name_style = if matches!(kind, Kind::Waiting | Kind::NeverRan) { FAINT } else { Style::new() };
    line.push(name_style, fit(&step.name, columns.name, charset));
    line.pad_to(columns.gutter + 2 + columns.name + 1);
    line.push(FAINT, attempt_text(step));
    line.pad_to(columns.detail());
    let room = columns.total.saturating_sub(line.columns());
    for (style, text) in detail(model, step, now, columns.is_roomy(), room, charset) {
        line.push(style, text);
    }
    line.cut(columns.total)
}

/// The particulars of a step. Where there is little room, the mark says the state and words that repeat it are left
/// out.
fn detail(
    model: &RunModel,
    step: &Step,
    now: Duration,
    roomy: bool,
    room: usize,
    charset: Charset,
) -> Vec<(Style, String)> {
    let style = Kind::of(&step.state).style();
    let stopped = matches!(model.phase(), Phase::Stopped { .. });
    match &step.state {
        StepState::Waiting => vec![(FAINT, waits_for(model, step, room, charset))],
        StepState::Ready => vec![(FAINT, "ready".to_owned())],
        StepState::Running { since, .. } => {
            let for_how_long = moving(now.saturating_sub(*since));
            let text = match (stopped, roomy) {
                (false, true) => format!("running {for_how_long}"),
                (true, true) => format!("was running, {for_how_long} so far"),
                (_, false) => for_how_long,
            };
            vec![(style, text)]
        }
        StepState::Retrying { due, error, .. } => {
            let left = due.saturating_sub(now);
            let when = match (left.is_zero(), roomy) {
                (_, true) if stopped => "still to be tried again".to_owned(),
                (_, false) if stopped => "retry".to_owned(),
                (true, true) => "retry is due".to_owned(),
                (true, false) => "due".to_owned(),
                (false, true) => format!("retry in {}", remaining(left)),
                (false, false) => format!("in {}", remaining(left)),
            };
            let why = message(error, room.saturating_sub(when.len() + 2), charset);
            vec![(style, when), (Style::new(), if why.is_empty() { why } else { format!(": {why}") })]
        }
        StepState::Complete { took, .. } => {
            let text = match (took.map(span), roomy) {
                (Some(took), true) => format!("complete in {took}"),
                (Some(took), false) => took,
                (None, true) => "complete before this run".to_owned(),
                (None, false) => "before".to_owned(),
            };
            vec![(FAINT, text)]
        }
        StepState::Failed { error, permanent, .. } => {
            let what = match (roomy, permanent) {
                (true, true) => "failed for good: ",
                (true, false) => "failed: ",
                (false, _) => "",
            };
            vec![(style, what.to_owned()), (Style::new(), message(error, room.saturating_sub(what.len()), charset))]
        }
        StepState::Cancelled | StepState::ResolvedManually | StepState::NeverRan => {
            vec![(style, Kind::of(&step.state).words().to_owned())]
        }
    }
}

/// The first line of an error, or words that say that there is none.
fn message(error: &str, columns: usize, charset: Charset) -> String {
    let line = first_line(error);
    fit(if line.is_empty() { "no message" } else { line }, columns, charset)
}

/// The parents that are not done, as many by name as there is room for.
fn waits_for(model: &RunModel, step: &Step, room: usize, charset: Charset) -> String {
    let unmet: Vec<usize> =
        step.parents.iter().copied().filter(|&parent| !model.steps()[parent].state.satisfies_children()).collect();
    let mut text = "after ".to_owned();
    for (index, &parent) in unmet.iter().enumerate() {
        let left = unmet.len() - index;
        let name = fit(&model.steps()[parent].name, room.max(1), charset);
        let separator = if index == 0 { "" } else { ", " };
        let more = if left > 1 { format!(" and {} more", number(left as u64 - 1)) } else { String::new() };
        if width(&text) + width(separator) + width(&name) + width(&more) <= room {
            text.push_str(separator);
            text.push_str(&name);
            continue;
        }
        return match (index, left) {
            (0, 1) => fit(&format!("{text}{name}"), room, charset),
            (0, _) => cut(&format!("after {} steps", number(left as u64)), room).to_owned(),
            _ => fit(&format!("{text} and {} more", number(left as u64)), room, charset),
        };
    }
    text
}

/// Namespace, name and version of the template; safe, in at most `columns` columns.
pub(crate) fn title(model: &RunModel, columns: usize, charset: Charset) -> String {
    let limit = columns.min(200);
    let part = |text: &str| fit(text, limit, charset);
    let full = format!("{}/{}@{}", part(model.namespace()), part(model.name()), part(model.version()));
    fit(&full, columns, charset)
}

/// The first row: which task, what it does, for how long.
pub(crate) fn header(model: &RunModel, now: Duration, columns: usize, charset: Charset) -> Line {
    let task = model.task_id().map_or_else(|| "new task".to_owned(), |id| format!("task {id}"));
    let mut parts = vec![(Style::new(), task)];
    // A time that grows says that the run goes on; where there is little room, that is enough.
    if is_roomy(columns) || *model.phase() != Phase::Running {
        parts.push(status(model, now));
    }
    parts.push((Style::new(), moving(run_time(model, now))));

    let separator = charset.separator();
    let tail: usize = parts.iter().map(|(_, part)| width(separator) + width(part)).sum();
    // The template's name gives way, the rest is what changes.
    let room = columns.saturating_sub(tail).max(columns / 4);
    let title = if is_roomy(columns) { title(model, room, charset) } else { fit(model.name(), room, charset) };
    let mut line = Line::new();
    line.push(STRONG, title);
    for (style, part) in parts {
        line.push(FAINT, separator);
        line.push(style, part);
    }
    line.cut(columns)
}

/// How long the run has been going on, or went on where it has ended.
pub(crate) fn run_time(model: &RunModel, now: Duration) -> Duration {
    match model.phase() {
        Phase::Ended { at, .. } | Phase::Stopped { at, .. } => *at,
        Phase::Creating | Phase::Running | Phase::Parked { .. } => now,
    }
}

fn status(model: &RunModel, now: Duration) -> (Style, String) {
    match model.phase() {
        Phase::Creating => (FAINT, "starting".to_owned()),
        Phase::Running => (Kind::Running.style(), "running".to_owned()),
        Phase::Parked { until } => {
            (Kind::Retrying.style(), format!("next attempt in {}", remaining(until.saturating_sub(now))))
        }
        Phase::Ended { state, .. } => (end_kind(*state).style(), end_words(*state).to_owned()),
        Phase::Stopped { reason, .. } => (Kind::Retrying.style(), stop_words(reason).to_owned()),
    }
}

/// The kind of state whose mark and colour an end has.
pub(crate) fn end_kind(state: TaskEnd) -> Kind {
    match state {
        TaskEnd::Complete => Kind::Complete,
        TaskEnd::Error => Kind::Failed,
        TaskEnd::Cancelled => Kind::Cancelled,
        TaskEnd::ResolvedManually => Kind::Resolved,
    }
}

/// The end as a status.
pub(crate) fn end_words(state: TaskEnd) -> &'static str {
    match state {
        TaskEnd::Complete => "complete",
        TaskEnd::Error => "ended in error",
        TaskEnd::Cancelled => "cancelled",
        TaskEnd::ResolvedManually => "resolved by hand",
    }
}

/// The stop as a status.
pub(crate) fn stop_words(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::TimedOut { .. } => "timed out",
        StopReason::Interrupted => "interrupted",
        StopReason::DatabaseLost { .. } => "database lost",
    }
}

/// The last rows: how many steps are in which state, how many attempts there were. Broken between its parts where it
/// is too long for one row.
pub(crate) fn totals(model: &RunModel, columns: usize, charset: Charset) -> Vec<Line> {
    let totals = Totals::of_all(model);
    let mut parts = vec![(Style::new(), count(totals.all() as u64, "step"))];
    for kind in Kind::ALL {
        let amount = totals.get(kind);
        if amount > 0 {
            parts.push((kind.style(), format!("{} {} {}", kind.mark(charset), number(amount as u64), kind.words())));
        }
    }
    parts.push((FAINT, count(model.executions(), "execution")));
    let mut lines = vec![Line::new()];
    for (style, part) in parts {
        let current = lines.len() - 1;
        let used = lines[current].columns();
        let gap = if used == 0 { 0 } else { 2 };
        if used > 0 && used + gap + width(&part) > columns {
            lines.push(Line::new());
        }
        let current = lines.len() - 1;
        if lines[current].columns() > 0 {
            lines[current].plain("  ");
        }
        lines[current].push(style, part);
    }
    lines.into_iter().map(|line| line.cut(columns)).collect()
}
