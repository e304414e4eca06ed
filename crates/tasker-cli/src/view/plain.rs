//! Plain lines, one for each change: for pipes, logs of CI, and terminals that cannot move their cursor.

use std::time::Duration;

use anstyle::Style;

use super::kind::{FAINT, Kind};
use super::line::Line;
use super::model::{Change, RunModel, StepState, StopReason, TaskEnd};
use super::rows::{end_kind, end_words, title};
use super::settings::Charset;
use super::text::{first_line, fit, width};
use super::wording::{count, limit, remaining, span};

/// Names are cut here; a line may be as long as it must, but not without end.
const NAME_COLUMNS: usize = 60;

/// Names up to this width stand in a column; longer ones push the rest of their line to the right.
const NAME_COLUMN: usize = 28;

/// As much of a message as one line of a log should carry.
const MESSAGE_COLUMNS: usize = 400;

/// Writes changes as lines.
#[derive(Debug, Clone)]
pub struct PlainLines {
    charset: Charset,
    name_column: usize,
}

impl PlainLines {
    /// Lines for this run.
    pub fn new(model: &RunModel, charset: Charset) -> Self {
        let widths = model.steps().iter().map(|step| width(&fit(&step.name, NAME_COLUMN, charset)));
        Self { charset, name_column: widths.max().unwrap_or(0).max(8) }
    }

    /// The line for a change that was just applied to the model.
    pub fn line(&self, model: &RunModel, change: &Change) -> Line {
        match change {
            Change::TaskCreated { id, at } => {
                let template = title(model, MESSAGE_COLUMNS, self.charset);
                let steps = count(model.steps().len() as u64, "step");
                self.task_line(*at, Style::new(), format!("task {id} created: {template}, {steps}"))
            }
            Change::TaskResumed { id, states, at } => {
                let template = title(model, MESSAGE_COLUMNS, self.charset);
                let done = states.iter().filter(|state| state.satisfies_children()).count();
                let steps = format!("{done} of {} already complete", count(states.len() as u64, "step"));
                self.task_line(*at, Style::new(), format!("task {id} taken up again: {template}, {steps}"))
            }
            Change::StepStarted { step, attempt, at } => {
                self.step_line(model, *step, *at, &[(FAINT, &format!("attempt {attempt} started"))])
            }
            Change::StepCompleted { step, at, .. } => {
                let took = match model.steps().get(*step).map(|step| &step.state) {
                    Some(StepState::Complete { took: Some(took), .. }) => format!(" in {}", span(*took)),
                    _ => String::new(),
                };
                self.step_line(model, *step, *at, &[(Kind::Complete.style(), "complete"), (Style::new(), &took)])
            }
            Change::StepRetrying { step, attempt, error, at, due } => {
                let what = format!("attempt {attempt} failed, next in {}", remaining(due.saturating_sub(*at)));
                self.failure_line(model, *step, *at, Kind::Retrying, &what, error)
            }
            Change::StepFailed { step, attempt, error, permanent, at } => {
                let what = match (permanent, model.steps().get(*step)) {
                    (false, Some(step)) => format!("attempt {attempt} of {} failed, none follows", step.attempt_limit),
                    (false, None) => format!("attempt {attempt} failed, none follows"),
                    (true, _) => format!("attempt {attempt} failed for good"),
                };
                self.failure_line(model, *step, *at, Kind::Failed, &what, error)
            }
            Change::StepCancelled { step, at } => {
                self.step_line(model, *step, *at, &[(Kind::Cancelled.style(), "cancelled")])
            }
            Change::StepResolved { step, at } => {
                self.step_line(model, *step, *at, &[(Kind::Resolved.style(), "resolved by hand")])
            }
            Change::StepHandedBack { step, at } => self.step_line(model, *step, *at, &[(FAINT, "handed back")]),
            Change::TaskParked { until, at } => {
                let wait = remaining(until.saturating_sub(*at));
                self.task_line(*at, FAINT, format!("nothing to do for {wait}: the next attempt is not due yet"))
            }
            Change::TaskEnded { state, at } => self.task_line(*at, end_kind(*state).style(), ended(model, *state)),
            Change::RunStopped { reason, at } => self.task_line(*at, Kind::Retrying.style(), self.stopped(reason)),
            Change::Notice { text, at } => {
                self.task_line(*at, Style::new(), fit(first_line(text), MESSAGE_COLUMNS, self.charset))
            }
        }
    }

    fn stopped(&self, reason: &StopReason) -> String {
        match reason {
            StopReason::TimedOut { limit: after } => {
                format!("stopped: the time limit of {} was reached", limit(*after))
            }
            StopReason::Interrupted => "stopped: interrupted".to_owned(),
            StopReason::DatabaseLost { error } => {
                let why = fit(first_line(error), MESSAGE_COLUMNS, self.charset);
                format!("stopped: the database was lost: {why}")
            }
        }
    }

    fn task_line(&self, at: Duration, style: Style, text: String) -> Line {
        let mut line = self.beginning(at);
        line.push(style, text);
        line
    }

    fn step_line(&self, model: &RunModel, step: usize, at: Duration, pieces: &[(Style, &str)]) -> Line {
        let mut line = self.beginning(at);
        let start = line.columns();
        // The model refuses changes of steps that it does not have; a line that is shown all the same says which.
        let name = match model.steps().get(step) {
            Some(step) => fit(&step.name, NAME_COLUMNS, self.charset),
            None => format!("step {step}"),
        };
        line.plain(name);
        line.pad_to(start + self.name_column);
        line.plain("  ");
        for (style, text) in pieces {
            line.push(*style, *text);
        }
        line
    }

    fn failure_line(&self, model: &RunModel, step: usize, at: Duration, kind: Kind, what: &str, error: &str) -> Line {
        let why = fit(first_line(error), MESSAGE_COLUMNS, self.charset);
        let why = if why.is_empty() { "no message".to_owned() } else { why };
        self.step_line(model, step, at, &[(kind.style(), what), (Style::new(), ": "), (Style::new(), &why)])
    }

    fn beginning(&self, at: Duration) -> Line {
        let mut line = Line::new();
        line.push(FAINT, format!("{:>4}.{:03}s  ", at.as_secs(), at.subsec_millis()));
        line
    }
}

/// `task 17 complete`, `task 17 ended in error`.
fn ended(model: &RunModel, state: TaskEnd) -> String {
    match model.task_id() {
        Some(id) => format!("task {id} {}", end_words(state)),
        None => format!("task {}", end_words(state)),
    }
}
