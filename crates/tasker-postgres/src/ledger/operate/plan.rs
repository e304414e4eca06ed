//! What an operation by hand comes to: which moves and writes, decided from the states of a task and its steps.

use std::collections::BTreeMap;

use serde_json::json;
use tasker_domain::operation::{Refused, StepOperation, TaskOperation, Way};
use tasker_domain::state::{StepState, TaskState};

use super::log::Entry;
use super::rows::{StepRow, TaskRow};
use super::{LedgerError, Operated, StepChange, TaskChange};

/// What an operation writes, gathered before anything is written.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) task_moves: BTreeMap<i64, (TaskState, Vec<TaskState>)>,
    pub(super) step_moves: BTreeMap<i64, (StepState, Vec<StepState>)>,
    pub(super) writes: Vec<StepWrite>,
    pub(super) uncomplete: Vec<i64>,
    pub(super) pause: Vec<i64>,
    pub(super) resume: Vec<i64>,
    /// The tasks by the points that they get.
    pub(super) priority: BTreeMap<i32, Vec<i64>>,
    pub(super) log: Vec<Entry>,
}

pub(super) struct StepWrite {
    pub(super) step_id: i64,
    pub(super) done: bool,
    pub(super) results: Option<String>,
    pub(super) cut_short: bool,
    pub(super) allowed: Option<i32>,
    /// Keys that describe an error after which the step is not tried again.
    pub(super) error: Option<String>,
}

impl StepWrite {
    pub(super) fn of(step_id: i64) -> Self {
        StepWrite { step_id, done: false, results: None, cut_short: false, allowed: None, error: None }
    }
}

pub(super) fn state<S: std::str::FromStr>(word: &str) -> Result<S, LedgerError>
where
    S::Err: std::fmt::Display,
{
    word.parse().map_err(|error: S::Err| LedgerError::Inconsistent(error.to_string()))
}

fn refused<S: std::fmt::Display, O: std::fmt::Display>(refusal: &Refused<S, O>) -> Operated {
    Operated::Refused(refusal.to_string())
}

impl Plan {
    pub(super) fn change_task(
        &mut self,
        task: &TaskRow,
        steps: &[StepRow],
        change: TaskChange,
    ) -> Result<Operated, LedgerError> {
        let now: TaskState = state(&task.state)?;
        let id = task.task_id;
        if !task.ours && !matches!(change, TaskChange::Operation(_)) {
            return Ok(Operated::Refused(format!(
                "task {id} was made by another program and has no side rows: a worker has to adopt it first"
            )));
        }
        let operation = match change {
            TaskChange::Operation(operation) => operation,
            _ if now.is_at_rest() => {
                return Ok(Operated::Refused(format!("the task is {now}: nothing of it will be claimed any more")));
            }
            TaskChange::Pause if task.paused => return Ok(Operated::AlreadySo),
            TaskChange::Resume if !task.paused => return Ok(Operated::AlreadySo),
            TaskChange::Pause => {
                self.log_task(task, "pause", json!(false), json!(true));
                self.pause.push(id);
                return Ok(done(now, now));
            }
            TaskChange::Resume => {
                self.log_task(task, "resume", json!(true), json!(false));
                self.resume.push(id);
                return Ok(done(now, now));
            }
            TaskChange::Priority(points) if task.priority == points => return Ok(Operated::AlreadySo),
            TaskChange::Priority(points) => {
                self.log_task(task, "priority", json!(task.priority), json!(points));
                self.priority.entry(points).or_default().push(id);
                return Ok(done(now, now));
            }
        };
        let path = match operation.on(now) {
            Ok(Way::Through(path)) => path,
            Ok(Way::AlreadySo) => return Ok(Operated::AlreadySo),
            Err(refusal) => return Ok(refused(&refusal)),
        };
        self.task_moves.insert(id, (now, path.to_vec()));
        if now == TaskState::Complete {
            self.uncomplete.push(id);
        }
        for step in steps.iter().filter(|step| step.task_id == id) {
            match operation {
                TaskOperation::Cancel => self.cancel(step)?,
                TaskOperation::Retry if step.state == "error" => self.retry(step, 1)?,
                TaskOperation::Retry | TaskOperation::Resolve => {}
            }
        }
        Ok(done(now, path.last().copied().unwrap_or(now)))
    }

    pub(super) fn change_step(
        &mut self,
        task: &TaskRow,
        step: &StepRow,
        change: &StepChange,
    ) -> Result<Operated, LedgerError> {
        let of_task: TaskState = state(&task.state)?;
        let now: StepState = state(&step.state)?;
        let Some(operation) = change.operation() else {
            return self.limit(task, of_task, step, now, change);
        };
        let path = match operation.on(now) {
            Ok(Way::Through(path)) => path,
            Ok(Way::AlreadySo) => return Ok(Operated::AlreadySo),
            Err(refusal) => return Ok(refused(&refusal)),
        };
        if of_task.is_at_rest() && of_task != TaskState::Error {
            return Ok(Operated::Refused(format!(
                "cannot {operation} a step of a task that is {of_task}: it does nothing more"
            )));
        }
        if step.blocked && path.contains(&StepState::InProgress) {
            return Ok(Operated::Refused(format!(
                "cannot {operation} a step whose parents have not ended well: end them first, or resolve the step"
            )));
        }
        match change {
            StepChange::Cancel => self.cancel(step)?,
            StepChange::Retry { attempts } => self.retry(step, *attempts)?,
            StepChange::Resolve => {
                self.step_moves.insert(step.step_id, (now, path.to_vec()));
            }
            StepChange::Complete { .. } | StepChange::Bypass => {
                self.step_moves.insert(step.step_id, (now, path.to_vec()));
                let results = match change {
                    StepChange::Complete { results } => results.get().to_owned(),
                    _ => r#"{"bypassed": true}"#.to_owned(),
                };
                self.writes.push(StepWrite {
                    done: true,
                    results: Some(results),
                    cut_short: now == StepState::InProgress,
                    ..StepWrite::of(step.step_id)
                });
            }
            StepChange::Limit { .. } => {}
        }
        if of_task == TaskState::Error && operation.sends_task_on() {
            self.task_moves.insert(task.task_id, (of_task, vec![TaskState::Pending]));
        }
        Ok(done(now, path.last().copied().unwrap_or(now)))
    }

    fn limit(
        &mut self,
        task: &TaskRow,
        of_task: TaskState,
        step: &StepRow,
        now: StepState,
        change: &StepChange,
    ) -> Result<Operated, LedgerError> {
        let StepChange::Limit { attempts } = change else {
            return Err(LedgerError::Inconsistent("only a limit has no operation of the state machine".to_owned()));
        };
        let allowed = i32::try_from(*attempts).unwrap_or(i32::MAX).max(1);
        if now.is_terminal() || of_task.is_at_rest() && of_task != TaskState::Error {
            return Ok(Operated::Refused(format!("the step is {now} and its task {of_task}: it is not tried again")));
        }
        if step.retryable && step.retry_limit == allowed {
            return Ok(Operated::AlreadySo);
        }
        self.log_limit(step, "limit", allowed);
        self.writes.push(StepWrite { allowed: Some(allowed), ..StepWrite::of(step.step_id) });
        if of_task == TaskState::Error && now == StepState::Error && allowed > step.attempts {
            self.task_moves.insert(task.task_id, (of_task, vec![TaskState::Pending]));
        }
        Ok(done(now, now))
    }

    fn cancel(&mut self, step: &StepRow) -> Result<(), LedgerError> {
        let now: StepState = state(&step.state)?;
        if let Ok(Way::Through(path)) = StepOperation::Cancel.on(now) {
            self.step_moves.insert(step.step_id, (now, path.to_vec()));
            self.writes.push(StepWrite { cut_short: now == StepState::InProgress, ..StepWrite::of(step.step_id) });
        }
        Ok(())
    }

    fn retry(&mut self, step: &StepRow, attempts: u32) -> Result<(), LedgerError> {
        let now: StepState = state(&step.state)?;
        let needed = step.attempts.saturating_add(i32::try_from(attempts.max(1)).unwrap_or(i32::MAX));
        self.step_moves.insert(step.step_id, (now, vec![StepState::Pending]));
        let allowed = step.retry_limit.max(needed);
        self.log_limit(step, "retry", allowed);
        self.writes.push(StepWrite { allowed: Some(allowed), ..StepWrite::of(step.step_id) });
        Ok(())
    }
}

fn done<S: ToString>(from: S, to: S) -> Operated {
    Operated::Done { from: from.to_string(), to: to.to_string() }
}
