//! Numbers and instants at the ends of what there is, and rows that are no snapshot.

use chrono::NaiveDateTime;
use proptest::prelude::*;
use tasker_domain::decimal::Decimal;
use tasker_domain::readiness::{
    Newest, Rows, Snapshot, SnapshotError, StepFacts, dependency_levels, step_dag, step_readiness,
    step_readiness_batch, task_execution_context, task_standing,
};
use tasker_domain::state::StepState;

use crate::support::{at, edge, moved, noon, one_task, step, task};

fn next_retry(attempts: Option<i32>) -> Result<Option<NaiveDateTime>, String> {
    let facts = StepFacts { attempts, retry_limit: Some(i32::MAX), ..moved("error", 0.0) };
    step_readiness(&one_task(vec![facts], &[]), 1, None, noon())
        .map(|rows| rows[0].next_retry_at)
        .map_err(|error| error.sqlstate().to_owned())
}

#[test]
fn the_wait_doubles_to_thirty_seconds_and_halves_below_none() {
    let waits = [(0, 1.0), (1, 2.0), (4, 16.0), (5, 30.0), (43, 30.0), (-1, 0.5), (-7, 0.007_812), (-20, 0.000_001)];
    for (attempts, seconds) in waits {
        assert_eq!(next_retry(Some(attempts)), Ok(Some(at(seconds))), "{attempts}");
    }
    assert_eq!(next_retry(None), Ok(Some(at(2.0))));
    assert_eq!(next_retry(Some(-21)), Ok(Some(at(0.0))));
    assert_eq!(next_retry(Some(-1_074)), Ok(Some(at(0.0))));
}

#[test]
fn attempts_beyond_counting_fail_with_postgresqls_codes() {
    for (attempts, code) in [(44, "22008"), (1_023, "22008"), (1_024, "22003"), (i32::MAX, "22003"), (-1_075, "22003")]
    {
        assert_eq!(next_retry(Some(attempts)), Err(code.to_owned()), "{attempts}");
    }
}

#[test]
fn infinite_instants_stay_infinite() {
    let failed = |at| StepFacts {
        newest: Some(Newest { state: StepState::Error.into(), at }),
        attempts: Some(1),
        ..StepFacts::default()
    };
    let row = |facts| step_readiness(&one_task(vec![facts], &[]), 1, None, noon()).unwrap().remove(0);
    let never = row(failed(NaiveDateTime::MAX));
    assert_eq!((never.next_retry_at, never.ready_for_execution), (Some(NaiveDateTime::MAX), false));
    let always = row(failed(NaiveDateTime::MIN));
    assert_eq!((always.next_retry_at, always.ready_for_execution), (Some(NaiveDateTime::MIN), true));
    let late = NaiveDateTime::MAX - chrono::TimeDelta::seconds(1);
    assert_eq!(row(failed(late)).next_retry_at, Some(NaiveDateTime::MAX));
}

#[test]
fn rows_that_are_no_snapshot_are_refused_by_name() {
    let refused = |tasks, steps, edges| Snapshot::new(Rows { tasks, steps, edges }).unwrap_err();
    let one = || step(1, 5, StepFacts::default());
    assert_eq!(refused(vec![task(1), task(1)], vec![], vec![]), SnapshotError::RepeatedTask(1));
    let elsewhere = step(2, 5, StepFacts::default());
    assert_eq!(refused(vec![task(1)], vec![one(), elsewhere], vec![]), SnapshotError::RepeatedStep(5));
    assert_eq!(refused(vec![task(1)], vec![one()], vec![edge(6, 5)]), SnapshotError::UnknownStep(6));
    assert_eq!(refused(vec![task(1)], vec![one()], vec![edge(5, 6)]), SnapshotError::UnknownStep(6));
}

#[test]
fn a_question_about_an_unknown_task_has_no_rows() {
    let snapshot = one_task(vec![StepFacts::default()], &[]);
    assert_eq!(step_readiness(&snapshot, 2, None, noon()), Ok(vec![]));
    assert_eq!(step_readiness_batch(&snapshot, &[], noon()), Ok(vec![]));
    assert_eq!(task_execution_context(&snapshot, 2, noon()), Ok(None));
    assert_eq!(dependency_levels(&snapshot, 2), Ok(vec![]));
    assert_eq!(step_dag(&snapshot, 2), vec![]);
    assert_eq!(task_standing(&snapshot, 2, noon()), Err(SnapshotError::UnknownTask(2)));
}

#[test]
fn a_cycle_behind_a_root_is_an_error_that_names_its_steps() {
    let snapshot = one_task(vec![StepFacts::default(); 5], &[(1, 2), (2, 3), (3, 2), (3, 4)]);
    let error = dependency_levels(&snapshot, 1).unwrap_err();
    assert_eq!((error.task_id, error.workflow_step_ids), (1, vec![2, 3, 4]));
}

#[test]
fn five_thousand_steps_in_a_row_and_a_ladder_of_a_thousand_diamonds_have_levels() {
    let chain: Vec<(i64, i64)> = (1..5_000).map(|id| (id, id + 1)).collect();
    let chain = one_task(vec![StepFacts::default(); 5_000], &chain);
    assert_eq!(dependency_levels(&chain, 1).unwrap()[4_999].dependency_level, 4_999);
    assert_eq!(step_dag(&chain, 1)[50].min_depth_from_root, Some(50));
    assert_eq!(step_dag(&chain, 1)[51].min_depth_from_root, None);
    let ladder: Vec<(i64, i64)> = (0..1_000)
        .map(|rung| 3 * rung + 1)
        .flat_map(|top| [(top, top + 1), (top, top + 2), (top + 1, top + 3), (top + 2, top + 3)])
        .collect();
    let ladder = one_task(vec![StepFacts::default(); 3_001], &ladder);
    assert_eq!(dependency_levels(&ladder, 1).unwrap()[3_000].dependency_level, 2_000);
}

#[test]
fn decimals_keep_their_scale_and_round_half_away_from_zero() {
    let quotient =
        |dividend, divisor, scale| Decimal::quotient(dividend, divisor, scale).map(|number| number.to_string());
    assert_eq!(quotient(1, 8, 2).unwrap(), "0.13");
    assert_eq!(quotient(-1, 8, 2).unwrap(), "-0.13");
    assert_eq!(quotient(1, -8, 2).unwrap(), "-0.13");
    assert_eq!(quotient(1, 3, 3).unwrap(), "0.333");
    assert_eq!(quotient(-1, 1_000, 2).unwrap(), "0.00");
    assert_eq!(quotient(5, 2, 0).unwrap(), "3");
    assert_eq!(quotient(1, 0, 2), None);
    assert_eq!(quotient(i128::MAX, 1, 2), None);
    assert_eq!(Decimal::new(0, 1).to_string(), "0.0");
    for text in ["", "-", ".5", "5.", "1e3", "+1", "1.2.3", "١"] {
        assert!(text.parse::<Decimal>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn decimals_are_read_as_they_are_written(units in any::<i64>(), scale in 0_u8..20) {
        let number = Decimal::new(i128::from(units), scale);
        prop_assert_eq!(number.to_string().parse::<Decimal>().unwrap(), number);
        let json = serde_json::to_string(&number).unwrap();
        prop_assert_eq!(serde_json::from_str::<Decimal>(&json).unwrap(), number);
    }
}
