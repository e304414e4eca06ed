//! What the columns of our rows must hold, given the histories: a difference from the recording is explained only where
//! ours holds this.

use serde_json::{Value, json};
use tasker_testing::rails::{StepRow, TransitionRow};

use crate::courses::{Known, Side, last_failure, states};

/// The longest wait that a failure may ask for, in seconds.
const LONGEST_REQUEST: u32 = 300;

/// What a column of a step's row must hold after its history here.
pub(crate) fn of_step(ours: &Side, known: &Known, step: &StepRow, column: &str) -> Option<Value> {
    let history = states(ours.history(&step.name));
    let attempts = history.iter().filter(|state| **state == "in_progress").count();
    let is_complete = history.last() == Some(&"complete");
    let failure = last_failure(known, &step.name, &history);
    let set_if = |is_set: bool| if is_set { json!("set") } else { Value::Null };
    let by_hand = known.settled_by_hand.contains(&step.name);
    Some(match column {
        "attempts" => json!(attempts),
        "in_process" => json!(false),
        "processed" => json!(is_complete),
        "processed_at" => set_if(is_complete),
        "last_attempted_at" => set_if(attempts > 0),
        "backoff_request_seconds" if is_complete => Value::Null,
        "backoff_request_seconds" => {
            json!(failure.and_then(|failure| failure.asked).map(|asked| asked.min(LONGEST_REQUEST)))
        }
        "results" if by_hand => return None,
        "results" if attempts == 0 => json!({}),
        "results" => match failure {
            None => known.script.results(&step.name, u32::try_from(attempts).ok()?),
            Some(failure) => {
                json!({ "error": failure.text, "error_class": failure.class, "backtrace": "BACKTRACE" })
            }
        },
        _ => return None,
    })
}

/// What a column of `get_step_readiness_status` must hold for our rows; nothing where it depends on the instant.
pub(crate) fn of_readiness(ours: &Side, step: &StepRow, column: &str) -> Option<Value> {
    let state = ours.state(&step.name);
    let parents = ours.parents(&step.name).count();
    let finished = ours.parents(&step.name).filter(|parent| ours.is_finished(parent)).count();
    let (satisfied, eligible) = (parents == finished, step.attempts < step.retry_limit);
    Some(match column {
        "name" => json!(step.name),
        "current_state" => json!(state),
        "dependencies_satisfied" => json!(satisfied),
        "retry_eligible" => json!(eligible),
        "ready_for_execution" => {
            let possible = matches!(state, "pending" | "error") && satisfied && eligible && step.retryable;
            if possible && (state == "error" || step.backoff_request_seconds.is_some()) {
                return None;
            }
            json!(possible)
        }
        "last_failure_at" | "next_retry_at" => {
            let has_failed = state == "error";
            let asked = step.backoff_request_seconds.is_some() && step.last_attempted_at.is_some();
            let is_set = has_failed || column == "next_retry_at" && asked;
            if is_set { json!("set") } else { Value::Null }
        }
        "total_parents" => json!(parents),
        "completed_parents" => json!(finished),
        "attempts" => json!(step.attempts),
        "retry_limit" => json!(step.retry_limit),
        "backoff_request_seconds" => json!(step.backoff_request_seconds),
        "last_attempted_at" => json!(step.last_attempted_at),
        _ => return None,
    })
}

/// What a column of `get_task_execution_context` must hold for our rows.
pub(crate) fn of_context(ours: &Side, column: &str) -> Option<Value> {
    let count = |wanted: &[&str]| ours.steps().iter().filter(|step| wanted.contains(&ours.state(&step.name))).count();
    let total = ours.steps().len();
    let (running, failed) = (count(&["in_progress"]), count(&["error"]));
    let completed = count(&["complete", "resolved_manually"]);
    let ready = ours.readiness.iter().filter(|row| row["ready_for_execution"] == true).count();
    let is_used_up = |step: &&StepRow| ours.state(&step.name) == "error" && step.attempts >= step.retry_limit;
    let used_up = ours.steps().iter().filter(is_used_up).count();
    let (status, action) = if ready > 0 {
        ("has_ready_steps", "execute_ready_steps")
    } else if running > 0 {
        ("processing", "wait_for_completion")
    } else if used_up > 0 {
        ("blocked_by_failures", "handle_failures")
    } else if completed == total {
        ("all_complete", "finalize_task")
    } else {
        ("waiting_for_dependencies", "wait_for_dependencies")
    };
    Some(match column {
        "status" => json!(ours.task_state()),
        "total_steps" => json!(total),
        "pending_steps" => json!(count(&["pending"])),
        "in_progress_steps" => json!(running),
        "completed_steps" => json!(completed),
        "failed_steps" => json!(failed),
        "ready_steps" => json!(ready),
        "execution_status" => json!(status),
        "recommended_action" => json!(action),
        "completion_percentage" => json!(percentage(completed, total)),
        "health_status" if failed == 0 => json!("healthy"),
        "health_status" if used_up > 0 && ready == 0 => json!("blocked"),
        "health_status" => json!("recovering"),
        _ => return None,
    })
}

/// Two decimals, of which trailing zeros are left out but for the first.
fn percentage(part: usize, of: usize) -> String {
    let text = format!("{:.2}", part as f64 * 100.0 / of as f64);
    text.strip_suffix('0').unwrap_or(&text).to_owned()
}

/// Whether a row of a history is as ours are, whatever the recording has: each from where the last led, by tens, the
/// last one the most recent.
pub(crate) fn is_well_formed(history: &[TransitionRow], place: usize) -> bool {
    let before = place.checked_sub(1).map_or("pending", |before| &history[before].to_state);
    history.get(place).is_some_and(|row| {
        row.from_state.as_deref() == Some(before)
            && usize::try_from(row.sort_key) == Ok(10 * (place + 1))
            && row.most_recent == (place + 1 == history.len())
    })
}

/// What ours notes beside what Rails does: of a failure its text, of the end of a task the steps that hold
/// it, of a person's act which it was.
const NOTES: [&str; 7] = ["worker", "attempt", "error", "actor", "reason", "operation", "held_by"];

/// The ruling by which metadata of ours hold more than the recording's: all that those hold, and beside it only what is
/// noted here, with the attempt's true number and text. A row that the recording does not have is held against what
/// Rails would write.
pub(crate) fn of_metadata(
    recorded: Option<&Value>,
    history: &[TransitionRow],
    place: usize,
    owner: Owner<'_>,
) -> Option<&'static str> {
    let row = history.get(place)?;
    let rails = match (recorded, owner) {
        (Some(recorded), _) => recorded.clone(),
        (None, Owner::Task { steps }) if row.to_state == "in_progress" => {
            json!({ "initialization_completed": true, "step_dependencies_established": steps })
        }
        (None, _) => json!({}),
    };
    let (rails, ours) = (rails.as_object()?, row.metadata.as_object()?);
    let are_kept = rails.iter().all(|(key, value)| ours.get(key) == Some(value));
    let mut more = ours.iter().filter(|(key, _)| !rails.contains_key(*key));
    // Between two attempts stands the number of the one to come.
    let begun = history[..=place].iter().filter(|row| row.to_state == "in_progress").count();
    let attempt = if row.to_state == "pending" { begun + 1 } else { begun };
    let is_true = |(key, value): (&String, &Value)| match (key.as_str(), owner) {
        ("attempt", Owner::Step { .. }) => *value == attempt,
        ("error", Owner::Step { known, name }) => {
            row.to_state == "error"
                && last_failure(known, name, &states(&history[..=place])).is_some_and(|failure| *value == failure.text)
        }
        (key, _) => NOTES.contains(&key) && (value.is_array() || value.as_str().is_some_and(|text| !text.is_empty())),
    };
    let ruling = if ours.contains_key("error") { "R-11" } else { "R-06" };
    (are_kept && more.all(is_true)).then_some(ruling)
}

/// Whose history it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner<'a> {
    Task { steps: usize },
    Step { known: &'a Known, name: &'a str },
}
