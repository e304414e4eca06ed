//! What a worker tells: lines for a person on standard error, or one JSON document a line on standard output.

use std::sync::Mutex;
use std::sync::PoisonError;

use serde_json::{Value, json};
use tasker_core::{Observer, Progress};
use tasker_postgres::ledger::Ended;

use crate::printing::{to_stderr, to_stdout, visible};

/// How a worker's words are written.
pub(crate) struct Report {
    json: bool,
    since_last: Mutex<Counts>,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    succeeded: u64,
    tried_again: u64,
    died: u64,
    handed_back: u64,
    refused: u64,
    tasks_created: u64,
    tasks_complete: u64,
    tasks_in_error: u64,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, since_last: Mutex::default() }
    }

    /// Says a line, or writes the document instead.
    pub(crate) fn say(&self, line: &str, document: Value) {
        if !self.json {
            to_stderr(format_args!("{}", visible(line)));
            return;
        }
        // Who does not read any more has seen enough; the worker goes on.
        if let Err(error) = to_stdout(format_args!("{document}")) {
            tracing::debug!(%error, "an event could not be written");
        }
    }

    /// Says what was done since it last said so; nothing where nothing was.
    pub(crate) fn summarise(&self) {
        let counts = std::mem::take(&mut *self.since_last.lock().unwrap_or_else(PoisonError::into_inner));
        if counts == Counts::default() {
            return;
        }
        let mut document = json!({ "event": "summary" });
        let (mut attempts, mut tasks) = (Vec::new(), Vec::new());
        for (number, key, words) in [
            (counts.succeeded, "steps_succeeded", "succeeded"),
            (counts.tried_again, "steps_to_retry", "failed and tried again"),
            (counts.died, "steps_died", "failed for good"),
            (counts.handed_back, "steps_handed_back", "handed back"),
            (counts.refused, "outcomes_refused", "refused, for others had taken them over"),
            (counts.tasks_created, "tasks_created", "created"),
            (counts.tasks_complete, "tasks_complete", "complete"),
            (counts.tasks_in_error, "tasks_in_error", "in error"),
        ] {
            document[key] = json!(number);
            if number > 0 {
                let list = if key.starts_with("tasks") { &mut tasks } else { &mut attempts };
                list.push(format!("{number} {words}"));
            }
        }
        let line: Vec<String> = [("attempts", attempts), ("tasks", tasks)]
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(what, list)| format!("{what}: {}", list.join(", ")))
            .collect();
        self.say(&line.join("; "), document);
    }

    fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.since_last.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Observer for Report {
    fn observe(&self, progress: Progress) {
        self.count(|counts| match &progress {
            Progress::TaskCreated { .. } => counts.tasks_created += 1,
            Progress::StepSucceeded { .. } => counts.succeeded += 1,
            Progress::StepWillRetry { .. } => counts.tried_again += 1,
            Progress::StepDied { .. } => counts.died += 1,
            Progress::StepHandedBack { .. } => counts.handed_back += 1,
            Progress::OutcomeRefused { .. } => counts.refused += 1,
            Progress::TaskEnded { ended: Ended::Complete, .. } => counts.tasks_complete += 1,
            Progress::TaskEnded { ended: Ended::Error, .. } => counts.tasks_in_error += 1,
            Progress::StepStarted { .. } | Progress::StepBypassed { .. } | Progress::TaskParked { .. } => {}
        });
        if self.json {
            self.say("", document(&progress));
            return;
        }
        // A person hears at once of what goes wrong, and of the rest in sums.
        match progress {
            Progress::StepDied { task_id, attempt, error, .. } => {
                let words =
                    format!("task {task_id}: a step failed for good in attempt {attempt}: {}", first_line(&error));
                to_stderr(format_args!("{}", visible(&words)));
            }
            Progress::TaskEnded { task_id, ended: Ended::Error } => {
                to_stderr(format_args!("task {task_id} ended in error; what holds it: tasker why {task_id}"));
            }
            _ => {}
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn document(progress: &Progress) -> Value {
    match progress {
        Progress::TaskCreated { task_id } => json!({ "event": "task_created", "task_id": task_id }),
        Progress::StepStarted { task_id, place, attempt } => {
            json!({ "event": "step_started", "task_id": task_id, "place": place, "attempt": attempt })
        }
        Progress::StepSucceeded { task_id, place, attempt } => {
            json!({ "event": "step_succeeded", "task_id": task_id, "place": place, "attempt": attempt })
        }
        Progress::StepBypassed { task_id, place } => {
            json!({ "event": "step_bypassed", "task_id": task_id, "place": place })
        }
        Progress::StepWillRetry { task_id, place, attempt, wait, error } => json!({
            "event": "step_will_retry", "task_id": task_id, "place": place, "attempt": attempt,
            "wait_seconds": wait.as_secs_f64(), "error": error,
        }),
        Progress::StepDied { task_id, place, attempt, permanent, error } => json!({
            "event": "step_died", "task_id": task_id, "place": place, "attempt": attempt, "permanent": permanent,
            "error": error,
        }),
        Progress::StepHandedBack { task_id, place } => {
            json!({ "event": "step_handed_back", "task_id": task_id, "place": place })
        }
        Progress::OutcomeRefused { task_id, place } => {
            json!({ "event": "outcome_refused", "task_id": task_id, "place": place })
        }
        Progress::TaskParked { task_id, wait } => {
            json!({ "event": "task_parked", "task_id": task_id, "wait_seconds": wait.map(|wait| wait.as_secs_f64()) })
        }
        Progress::TaskEnded { task_id, ended } => {
            let state = match ended {
                Ended::Complete => "complete",
                Ended::Error => "error",
            };
            json!({ "event": "task_ended", "task_id": task_id, "state": state })
        }
    }
}
