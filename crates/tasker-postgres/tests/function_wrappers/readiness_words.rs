//! What is said of a step, by the tables of the reference.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::json;
use tasker_domain::state::StepState;
use tasker_postgres::functions::{
    BackoffKind, BlockingReason, DependencyStatus, RetryStatus, Selection, StepReadiness,
};

fn noon() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 3, 4).unwrap().and_hms_opt(12, 0, 0).unwrap()
}

/// A pending root that was never tried and waits for something that no column tells.
fn held() -> StepReadiness {
    StepReadiness {
        workflow_step_id: 7,
        task_id: 3,
        named_step_id: 2,
        name: "charge".to_owned(),
        current_state: "pending".to_owned(),
        dependencies_satisfied: true,
        retry_eligible: true,
        ready_for_execution: false,
        last_failure_at: None,
        next_retry_at: None,
        total_parents: 0,
        completed_parents: 0,
        attempts: 0,
        retry_limit: 3,
        backoff_request_seconds: None,
        last_attempted_at: None,
    }
}

#[test]
fn the_blocking_reason_is_the_first_that_applies() {
    for (ready, satisfied, eligible, state, expected) in [
        (true, true, true, "pending", None),
        (true, false, false, "complete", None),
        (false, false, false, "complete", Some(BlockingReason::DependenciesNotSatisfied)),
        (false, false, true, "pending", Some(BlockingReason::DependenciesNotSatisfied)),
        (false, true, false, "complete", Some(BlockingReason::RetryNotEligible)),
        (false, true, true, "complete", Some(BlockingReason::InvalidState)),
        (false, true, true, "in_progress", Some(BlockingReason::InvalidState)),
        (false, true, true, "skipped", Some(BlockingReason::InvalidState)),
        (false, true, true, "pending", Some(BlockingReason::Unknown)),
        (false, true, true, "error", Some(BlockingReason::Unknown)),
    ] {
        let row = StepReadiness {
            ready_for_execution: ready,
            dependencies_satisfied: satisfied,
            retry_eligible: eligible,
            current_state: state.to_owned(),
            ..held()
        };
        assert_eq!(row.blocking_reason(), expected, "{row:?}");
        assert_eq!(row.can_execute_now(), ready);
    }
    let words: Vec<_> = BlockingReason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(words, ["dependencies_not_satisfied", "retry_not_eligible", "invalid_state", "unknown"]);
}

#[test]
fn the_time_until_ready_is_whole_seconds_and_never_negative() {
    for (ready, milliseconds, expected) in [
        (true, Some(90_000), Some(0)),
        (true, None, Some(0)),
        (false, None, None),
        (false, Some(90_000), Some(90)),
        (false, Some(1_999), Some(1)),
        (false, Some(999), Some(0)),
        (false, Some(0), Some(0)),
        (false, Some(-5_000), Some(0)),
    ] {
        let next_retry_at = milliseconds.map(|milliseconds| noon() + TimeDelta::milliseconds(milliseconds));
        let row = StepReadiness { ready_for_execution: ready, next_retry_at, ..held() };
        assert_eq!(row.time_until_ready(noon()), expected, "{milliseconds:?}");
    }
}

#[test]
fn the_dependency_status_counts_only_what_is_open() {
    for (total, completed, satisfied, expected, text) in [
        (0, 0, true, DependencyStatus::NoDependencies, "no_dependencies"),
        (2, 2, true, DependencyStatus::AllSatisfied, "all_satisfied"),
        (3, 1, false, DependencyStatus::Some { completed: 1, total: 3 }, "1/3_satisfied"),
        (1, 0, false, DependencyStatus::Some { completed: 0, total: 1 }, "0/1_satisfied"),
    ] {
        let row = StepReadiness {
            total_parents: total,
            completed_parents: completed,
            dependencies_satisfied: satisfied,
            ..held()
        };
        assert_eq!(row.dependency_status(), expected);
        assert_eq!(row.dependency_status().to_string(), text);
    }
}

#[test]
fn the_retry_status_looks_at_the_numbers_first() {
    for (attempts, limit, eligible, expected) in [
        (3, 3, true, "max_retries_reached"),
        (4, 3, false, "max_retries_reached"),
        (0, 0, false, "max_retries_reached"),
        (2, 3, true, "retry_eligible"),
        (2, 3, false, "waiting_for_backoff"),
    ] {
        let row = StepReadiness { attempts, retry_limit: limit, retry_eligible: eligible, ..held() };
        assert_eq!(row.retry_status().as_str(), expected, "{attempts} of {limit}");
    }
    assert_eq!(RetryStatus::ALL.len(), 3);
}

#[test]
fn a_wait_is_explicit_only_with_both_of_its_columns() {
    let at = Some(noon());
    for (seconds, attempted, failed, expected) in [
        (Some(5), at, at, BackoffKind::Explicit),
        (Some(0), at, None, BackoffKind::Explicit),
        (Some(5), None, at, BackoffKind::Exponential),
        (None, at, at, BackoffKind::Exponential),
        (Some(5), None, None, BackoffKind::None),
        (None, at, None, BackoffKind::None),
    ] {
        let row = StepReadiness {
            backoff_request_seconds: seconds,
            last_attempted_at: attempted,
            last_failure_at: failed,
            ..held()
        };
        assert_eq!(row.backoff_kind(), expected, "{row:?}");
    }
    let words: Vec<_> = BackoffKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(words, ["explicit_backoff", "exponential_backoff", "no_backoff"]);
}

#[test]
fn the_effective_wait_doubles_up_to_thirty_seconds() {
    for (attempts, asked, expected) in [
        (-1, None, 0),
        (0, None, 0),
        (1, None, 2),
        (2, None, 4),
        (4, None, 16),
        (5, None, 30),
        (31, None, 30),
        (i32::MAX, None, 30),
        (5, Some(7), 7),
        (0, Some(-3), -3),
        (9, Some(0), 0),
    ] {
        let row = StepReadiness { attempts, backoff_request_seconds: asked, ..held() };
        assert_eq!(row.effective_backoff_seconds(), expected, "{attempts} attempts, {asked:?} asked for");
    }
}

#[test]
fn the_report_has_the_columns_and_then_the_words() {
    let row = StepReadiness {
        current_state: "error".to_owned(),
        attempts: 1,
        last_failure_at: Some(noon()),
        next_retry_at: Some(noon() + TimeDelta::seconds(2)),
        last_attempted_at: Some(noon()),
        ..held()
    };
    assert_eq!(row.state().unwrap(), StepState::Error);
    let report = serde_json::to_string(&row.report(noon() + TimeDelta::milliseconds(250))).unwrap();
    let expected = json!({
        "workflow_step_id": 7, "task_id": 3, "named_step_id": 2, "name": "charge", "current_state": "error",
        "dependencies_satisfied": true, "retry_eligible": true, "ready_for_execution": false,
        "last_failure_at": "2026-03-04T12:00:00.000Z", "next_retry_at": "2026-03-04T12:00:02.000Z",
        "total_parents": 0, "completed_parents": 0, "attempts": 1, "retry_limit": 3,
        "backoff_request_seconds": null, "last_attempted_at": "2026-03-04T12:00:00.000Z",
        "detailed_status": {
            "ready": false, "current_state": "error", "dependencies": "no_dependencies", "retry": "retry_eligible",
            "blocking_reason": "unknown", "time_until_ready": 1, "backoff_type": "exponential_backoff",
            "effective_backoff_seconds": 2,
        },
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&report).unwrap(), expected);
    assert!(report.find("\"last_attempted_at\"").unwrap() < report.find("\"detailed_status\"").unwrap());
    let unknown = StepReadiness { current_state: "skipped".to_owned(), ..held() };
    assert!(unknown.state().unwrap_err().to_string().contains("skipped"));
}

#[test]
fn a_selection_takes_its_rows_in_any_state() {
    let in_state = |state: &str| StepReadiness { current_state: state.to_owned(), ..held() };
    let rows = [
        StepReadiness { ready_for_execution: true, ..held() },
        StepReadiness { dependencies_satisfied: false, ..in_state("complete") },
        StepReadiness { retry_eligible: false, ..in_state("error") },
        in_state("in_progress"),
        in_state("resolved_manually"),
        in_state("cancelled"),
    ];
    for (selection, expected) in [
        (Selection::Ready, vec![0]),
        (Selection::BlockedByDependencies, vec![1]),
        (Selection::BlockedByRetry, vec![2]),
        (Selection::Pending, vec![0]),
        (Selection::Failed, vec![2]),
        (Selection::InProgress, vec![3]),
        (Selection::Complete, vec![1, 4]),
    ] {
        let held: Vec<usize> = (0..rows.len()).filter(|&place| selection.holds(&rows[place])).collect();
        assert_eq!(held, expected, "{selection:?}");
    }
}
