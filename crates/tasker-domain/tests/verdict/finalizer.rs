//! All 98 recorded decisions of the original's finaliser.

use serde::Deserialize;
use tasker_domain::state::TaskState;
use tasker_domain::verdict::rails::{Act, Mode, ReenqueueDelays, Situation, finalize};

#[derive(Deserialize)]
struct Recording {
    decisions: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    execution_status: Option<String>,
    task_state: Option<TaskState>,
    synchronous: bool,
    expect: Expected,
}

#[derive(Deserialize)]
struct Expected {
    task_state: TaskState,
    complete: bool,
    enqueue_delays_s: Vec<u32>,
    events: Vec<String>,
    reasons: Vec<String>,
    error: Option<String>,
}

#[test]
fn every_recorded_decision_is_made_again() {
    let recording: Recording = serde_json::from_str(include_str!("../data/finalizer-cases.json")).unwrap();
    assert_eq!(recording.decisions.len(), 98);
    for Case { id, execution_status, task_state, synchronous, expect } in recording.decisions {
        let from = task_state.unwrap_or(TaskState::Pending);
        let situation = Situation::of_status(execution_status.as_deref());
        let mode = if synchronous { Mode::Synchronous } else { Mode::Asynchronous };
        let now = chrono::NaiveDateTime::default();
        let delay = ReenqueueDelays::default().seconds(situation, [], now);
        let decision = finalize(from, situation, mode, delay);
        assert_eq!(decision.ends_in(), expect.task_state, "{id}");
        assert_eq!(decision.events(), expect.events, "{id}");
        let (mut is_complete, mut delays, mut reasons, mut error) = (false, vec![], vec![], None);
        for act in &decision.acts {
            match act {
                Act::SetCompleteFlag => is_complete = true,
                Act::Enqueue { delay_seconds } => delays.push(*delay_seconds),
                Act::Publish { reason, .. } => reasons.extend(reason.map(str::to_owned)),
                Act::Raise { class } => error = Some((*class).to_owned()),
                Act::Move(_) => {}
            }
        }
        assert_eq!(is_complete, expect.complete, "{id}");
        assert_eq!(delays, expect.enqueue_delays_s, "{id}");
        assert_eq!(reasons, expect.reasons, "{id}");
        assert_eq!(error, expect.error, "{id}");
    }
}

#[test]
fn completing_what_is_complete_only_sets_the_flag() {
    let decision = finalize(TaskState::Complete, Situation::AllComplete, Mode::Synchronous, 30);
    assert_eq!(decision.acts, [Act::SetCompleteFlag, Act::Raise { class: "ArgumentError" }]);
    assert_eq!(decision.ends_in(), TaskState::Complete);
}

#[test]
fn the_flag_is_set_before_the_move_to_complete() {
    let decision = finalize(TaskState::InProgress, Situation::AllComplete, Mode::Synchronous, 30);
    assert_eq!(decision.acts[0], Act::SetCompleteFlag);
    assert!(matches!(decision.acts[1], Act::Move(edge) if edge.to == TaskState::Complete));
}

#[test]
fn every_decision_says_why() {
    let all = [
        Situation::NoContext,
        Situation::HasReadySteps,
        Situation::Processing,
        Situation::BlockedByFailures,
        Situation::AllComplete,
        Situation::WaitingForDependencies,
        Situation::Unknown,
    ];
    let mut lines = Vec::new();
    for situation in all {
        for (from, mode) in [
            (TaskState::InProgress, Mode::Synchronous),
            (TaskState::InProgress, Mode::Asynchronous),
            (TaskState::Cancelled, Mode::Synchronous),
            (TaskState::Complete, Mode::Synchronous),
        ] {
            let delay = ReenqueueDelays::default().seconds(situation, [], chrono::NaiveDateTime::default());
            let decision = finalize(from, situation, mode, delay);
            lines.push(format!("{}: {decision}", decision.reason.code()));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}
