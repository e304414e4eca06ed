//! Our engine's semantics, and where they leave the original's.

use chrono::NaiveDateTime;
use tasker_domain::readiness::{
    DeathCause, EngineFacts, Outlook, Standing, StandingCounts, StepFacts, TaskStanding, step_readiness, task_standing,
};
use tasker_domain::state::TaskState;

use crate::support::{at, moved, noon, one_task};

fn standing_of(facts: StepFacts) -> Standing {
    standing_at(facts, noon())
}

fn standing_at(facts: StepFacts, now: NaiveDateTime) -> Standing {
    task_standing(&one_task(vec![facts], &[]), 1, now).unwrap().steps.remove(0).standing
}

fn whole(steps: Vec<StepFacts>, edges: &[(i64, i64)]) -> TaskStanding {
    task_standing(&one_task(steps, edges), 1, noon()).unwrap()
}

fn is_ready_for_rails(facts: StepFacts) -> bool {
    step_readiness(&one_task(vec![facts], &[]), 1, None, noon()).unwrap()[0].ready_for_execution
}

fn failed(attempts: i32, seconds: f64) -> StepFacts {
    StepFacts { attempts: Some(attempts), ..moved("error", seconds) }
}

const DEAD: fn(DeathCause) -> Standing = |cause| Standing::Dead { cause };

#[test]
fn each_state_has_its_standing() {
    assert_eq!(standing_of(StepFacts::default()), Standing::Ready);
    assert_eq!(standing_of(moved("pending", -5.0)), Standing::Ready);
    assert_eq!(standing_of(moved("in_progress", -5.0)), Standing::Running);
    assert_eq!(standing_of(moved("complete", -5.0)), Standing::Finished);
    assert_eq!(standing_of(moved("resolved_manually", -5.0)), Standing::Finished);
    assert_eq!(standing_of(moved("cancelled", -5.0)), DEAD(DeathCause::Cancelled));
    assert_eq!(standing_of(moved("skipped", -5.0)), Standing::Unreadable);
}

#[test]
fn a_first_attempt_is_always_allowed_unlike_in_rails() {
    let never_retried = StepFacts { retryable: Some(false), ..StepFacts::default() };
    let limit_of_none = StepFacts { retry_limit: Some(0), ..StepFacts::default() };
    let sent_on_by_hand = StepFacts { attempts: Some(3), ..moved("pending", -1.0) };
    let marked = StepFacts { in_process: Some(true), processed: Some(true), ..StepFacts::default() };
    for facts in [never_retried, limit_of_none, sent_on_by_hand, marked] {
        assert_eq!(standing_of(facts.clone()), Standing::Ready, "{facts:?}");
        assert!(!is_ready_for_rails(facts.clone()), "{facts:?}");
    }
}

#[test]
fn a_failure_waits_for_the_later_of_both_ends_and_then_is_ready_at_that_very_instant() {
    let plain = failed(2, -1.0);
    assert_eq!(standing_of(plain.clone()), Standing::Waiting { until: at(3.0) });
    assert_eq!(standing_at(plain.clone(), at(2.999_999)), Standing::Waiting { until: at(3.0) });
    assert_eq!(standing_at(plain, at(3.0)), Standing::Ready);
    let asked = |seconds| StepFacts {
        backoff_request_seconds: Some(seconds),
        last_attempted_at: Some(at(-1.0)),
        ..failed(2, -1.0)
    };
    assert_eq!(standing_of(asked(60)), Standing::Waiting { until: at(59.0) });
    assert_eq!(standing_of(asked(1)), Standing::Waiting { until: at(3.0) });
}

#[test]
fn the_side_tables_instant_and_number_of_attempts_count_before_the_columns() {
    let engine = |attempts, next_run_at| Some(EngineFacts { attempts, attempts_allowed: 3, next_run_at });
    let stretched = StepFacts { engine: engine(2, Some(at(3.3))), ..failed(2, -1.0) };
    assert_eq!(standing_of(stretched), Standing::Waiting { until: at(3.3) });
    let handed_back = StepFacts { engine: engine(2, None), ..failed(3, -60.0) };
    assert_eq!(standing_of(handed_back), Standing::Ready);
    let crashed = StepFacts { engine: engine(3, None), ..failed(2, -60.0) };
    assert_eq!(standing_of(crashed), DEAD(DeathCause::Exhausted));
}

#[test]
fn a_failure_is_the_end_where_no_attempt_is_left_or_none_may_help() {
    assert_eq!(standing_of(failed(3, -60.0)), DEAD(DeathCause::Exhausted));
    assert_eq!(standing_of(StepFacts { retry_limit: Some(0), ..failed(1, -60.0) }), DEAD(DeathCause::Exhausted));
    assert_eq!(standing_of(StepFacts { retryable: Some(false), ..failed(1, -60.0) }), DEAD(DeathCause::Permanent));
    // attempts that the original cannot count with are no danger
    let many = StepFacts { retry_limit: Some(5_000), ..failed(1_024, -60.0) };
    assert_eq!(standing_of(many.clone()), Standing::Ready);
    assert!(step_readiness(&one_task(vec![many], &[]), 1, None, noon()).is_err());
}

#[test]
fn a_task_is_complete_when_nothing_remains() {
    assert_eq!(whole(vec![moved("complete", -1.0), moved("resolved_manually", -1.0)], &[]).outlook, Outlook::Complete);
    assert_eq!(whole(vec![], &[]).outlook, Outlook::Complete);
}

#[test]
fn a_dead_step_ends_the_task_only_when_nothing_else_is_alive() {
    let edges = [(1, 2), (2, 3)];
    let waits = whole(vec![failed(3, -60.0), StepFacts::default(), StepFacts::default(), failed(1, -1.0)], &edges);
    assert_eq!(waits.outlook, Outlook::Waiting { until: at(1.0) });
    assert_eq!(waits.blocked, [2, 3]);
    let expected = StandingCounts { dead: 1, held: 2, waiting: 1, ..StandingCounts::default() };
    assert_eq!(waits.counts, expected);
    assert_eq!((waits.counts.total(), waits.counts.remaining()), (4, 4));
    let runs = whole(vec![failed(3, -60.0), StepFacts::default(), moved("in_progress", -1.0)], &[(1, 2)]);
    assert_eq!(runs.outlook, Outlook::Running);
    let over = whole(vec![failed(3, -60.0), StepFacts::default(), moved("complete", -1.0)], &[(1, 2)]);
    assert_eq!(over.outlook, Outlook::Failed);
    assert_eq!(whole(vec![moved("cancelled", -1.0), moved("complete", -1.0)], &[]).outlook, Outlook::Failed);
}

#[test]
fn with_fail_fast_a_dead_step_halts_what_has_not_begun() {
    let fail_fast = |steps: Vec<StepFacts>| {
        let mut rows = tasker_domain::readiness::Rows::from(one_task(steps, &[]));
        rows.tasks[0].fail_fast = true;
        let snapshot = tasker_domain::readiness::Snapshot::new(rows).unwrap();
        task_standing(&snapshot, 1, noon()).unwrap().outlook
    };
    assert_eq!(fail_fast(vec![failed(3, -9.0), StepFacts::default()]), Outlook::Failed);
    assert_eq!(fail_fast(vec![failed(3, -9.0), moved("in_progress", -1.0)]), Outlook::Halting);
    assert_eq!(fail_fast(vec![failed(1, -9.0), StepFacts::default()]), Outlook::Ready);
}

#[test]
fn a_task_at_rest_or_in_a_foreign_state_is_left_alone() {
    let outlook = |state: Option<tasker_domain::readiness::RecordedTask>, steps: Vec<StepFacts>| {
        let mut rows = tasker_domain::readiness::Rows::from(one_task(steps, &[]));
        rows.tasks[0].newest = state;
        task_standing(&tasker_domain::readiness::Snapshot::new(rows).unwrap(), 1, noon()).unwrap().outlook
    };
    assert_eq!(outlook(Some(TaskState::Cancelled.into()), vec![StepFacts::default()]), Outlook::AtRest);
    assert_eq!(outlook(Some(TaskState::InProgress.into()), vec![StepFacts::default()]), Outlook::Ready);
    assert_eq!(outlook(Some(tasker_domain::readiness::Recorded::read("odd")), vec![]), Outlook::Unreadable);
    assert_eq!(outlook(None, vec![moved("skipped", -1.0)]), Outlook::Unreadable);
}
