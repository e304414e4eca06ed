//! Whatever happens to steps, and however time moves: what is kept up to date equals what is judged anew.

use proptest::prelude::*;
use tasker_domain::readiness::{
    EngineFacts, Newest, RailsTracker, RecordedStep, RecordedTask, Rows, Snapshot, SnapshotError, StepFacts,
    TaskTracker, step_readiness, task_execution_context, task_standing,
};
use tasker_domain::state::TaskState;

use crate::support::{at, edge, moved, noon, one_task, step, task};

const OWN_STEPS: i64 = 9;
/// Steps of another task, which the first task's steps may wait for.
const OTHER_STEPS: i64 = 3;

#[derive(Debug, Clone)]
enum Change {
    Step(i64, StepFacts),
    Time(f64),
    Task(Option<&'static str>),
}

fn any_seconds() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), (-70_i32..20).prop_map(f64::from), (-40.0..10.0)]
}

fn any_facts() -> impl Strategy<Value = StepFacts> {
    let states = ["pending", "in_progress", "complete", "error", "error", "cancelled", "resolved_manually", "skipped"];
    let newest = proptest::option::of((proptest::sample::select(states.to_vec()), any_seconds()));
    let attempts =
        proptest::sample::select(vec![None, Some(-1), Some(0), Some(1), Some(2), Some(3), Some(44), Some(1024)]);
    let limit = proptest::sample::select(vec![None, Some(0), Some(1), Some(3), Some(5), Some(100)]);
    let flag = proptest::sample::select(vec![None, Some(true), Some(false), Some(false)]);
    let engine = proptest::option::of((0..4, 1..4, proptest::option::of(any_seconds())));
    let backoff = proptest::sample::select(vec![None, None, Some(0), Some(5), Some(60), Some(-5)]);
    let marks = (flag.clone(), flag.clone(), flag);
    (newest, attempts, limit, marks, backoff, proptest::option::of(any_seconds()), engine).prop_map(
        |(newest, attempts, retry_limit, (retryable, in_process, processed), backoff, last_attempt, engine)| {
            StepFacts {
                newest: newest.map(|(state, seconds)| Newest { state: RecordedStep::read(state), at: at(seconds) }),
                attempts,
                retry_limit,
                retryable: retryable.map(|is_not| !is_not),
                in_process,
                processed,
                backoff_request_seconds: backoff,
                last_attempted_at: last_attempt.map(at),
                engine: engine.map(|(attempts, attempts_allowed, next)| EngineFacts {
                    attempts,
                    attempts_allowed,
                    next_run_at: next.map(at),
                }),
            }
        },
    )
}

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let all = OWN_STEPS + OTHER_STEPS;
    let steps = proptest::collection::vec(any_facts(), usize::try_from(all).unwrap());
    // any edges: doubled ones, circles, steps that wait for themselves, and for steps of another task
    let edges = proptest::collection::vec((1..=all, 1..=all), 0..16);
    (steps, edges, any::<bool>()).prop_map(|(steps, edges, fail_fast)| {
        let task_of = |id: i64| if id <= OWN_STEPS { 1 } else { 2 };
        let steps = (1..).zip(steps).map(|(id, facts)| step(task_of(id), id, facts)).collect();
        let edges = edges.into_iter().map(|(from, to)| edge(from, to)).collect();
        let mut own = task(1);
        own.fail_fast = fail_fast;
        Snapshot::new(Rows { tasks: vec![own, task(2)], steps, edges }).unwrap()
    })
}

fn any_change() -> impl Strategy<Value = Change> {
    let states = [None, Some("pending"), Some("in_progress"), Some("complete"), Some("odd")];
    prop_oneof![
        6 => (1..=OWN_STEPS + OTHER_STEPS, any_facts()).prop_map(|(id, facts)| Change::Step(id, facts)),
        2 => any_seconds().prop_map(Change::Time),
        1 => proptest::sample::select(states.to_vec()).prop_map(Change::Task),
    ]
}

/// The rows put in order anew, so that nothing that was kept up to date is believed.
fn anew(snapshot: &Snapshot) -> Snapshot {
    Snapshot::new(Rows::from(snapshot.clone())).unwrap()
}

fn own_ids() -> impl Iterator<Item = i64> {
    1..=OWN_STEPS
}

fn check_rails(tracker: &RailsTracker) -> Result<(), TestCaseError> {
    let snapshot = anew(tracker.snapshot());
    prop_assert_eq!(tracker.rows(), step_readiness(&snapshot, 1, None, tracker.now()));
    prop_assert_eq!(tracker.context().map(Some), task_execution_context(&snapshot, 1, tracker.now()));
    for id in own_ids() {
        let alone = step_readiness(&snapshot, 1, Some(&[id]), tracker.now()).map(|mut rows| rows.remove(0));
        prop_assert_eq!(tracker.answer(id), Some(&alone));
    }
    Ok(())
}

fn check_tasker(tracker: &TaskTracker) -> Result<(), TestCaseError> {
    let whole = task_standing(&anew(tracker.snapshot()), 1, tracker.now()).unwrap();
    let standings: Vec<_> = whole.steps.into_iter().map(|step| step.standing).collect();
    prop_assert_eq!(tracker.answers(), standings);
    prop_assert_eq!(tracker.counts(), &whole.counts);
    prop_assert_eq!(tracker.outlook(), whole.outlook);
    prop_assert_eq!(tracker.blocked(), whole.blocked);
    Ok(())
}

/// The steps whose answer differs, ascending.
fn differing<A: PartialEq>(before: &[A], after: &[A]) -> Vec<i64> {
    own_ids().zip(before.iter().zip(after)).filter(|(_, (old, new))| old != new).map(|(id, _)| id).collect()
}

fn sorted(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn what_is_kept_up_to_date_equals_what_is_judged_anew(
        snapshot in any_snapshot(),
        changes in proptest::collection::vec(any_change(), 1..25),
    ) {
        let mut rails = RailsTracker::new(snapshot.clone(), 1, noon()).unwrap();
        let mut tasker = TaskTracker::new(snapshot, 1, noon()).unwrap();
        check_rails(&rails)?;
        check_tasker(&tasker)?;
        for change in changes {
            let (rails_before, tasker_before) = (rails.answers().to_vec(), tasker.answers().to_vec());
            let (rails_changed, tasker_changed) = match change {
                Change::Step(id, facts) => {
                    (rails.change(id, facts.clone()).unwrap(), tasker.change(id, facts).unwrap())
                }
                Change::Time(seconds) => (rails.advance(at(seconds)), tasker.advance(at(seconds))),
                Change::Task(state) => {
                    rails.change_task(state.map(RecordedTask::read));
                    tasker.change_task(state.map(RecordedTask::read));
                    (Vec::new(), Vec::new())
                }
            };
            check_rails(&rails)?;
            check_tasker(&tasker)?;
            prop_assert_eq!(sorted(rails_changed), differing(&rails_before, rails.answers()));
            prop_assert_eq!(sorted(tasker_changed), differing(&tasker_before, tasker.answers()));
        }
    }

    #[test]
    fn nothing_turns_before_the_next_turn_and_something_does_at_it(snapshot in any_snapshot()) {
        let mut rails = RailsTracker::new(snapshot.clone(), 1, at(-80.0)).unwrap();
        let mut tasker = TaskTracker::new(snapshot, 1, at(-80.0)).unwrap();
        while let Some(turn) = rails.next_turn() {
            prop_assert_eq!(rails.advance(turn - chrono::TimeDelta::microseconds(1)), Vec::<i64>::new());
            prop_assert!(!rails.advance(turn).is_empty());
        }
        while let Some(turn) = tasker.next_turn() {
            prop_assert_eq!(tasker.advance(turn - chrono::TimeDelta::microseconds(1)), Vec::<i64>::new());
            prop_assert!(!tasker.advance(turn).is_empty());
        }
    }
}

#[test]
fn a_finished_step_changes_itself_and_its_children_and_nobody_else() {
    let mut tracker =
        TaskTracker::new(one_task(vec![StepFacts::default(); 5], &[(1, 2), (1, 3), (2, 4), (3, 4)]), 1, noon())
            .unwrap();
    assert_eq!(tracker.change(1, moved("complete", 0.0)).unwrap(), [1, 2, 3]);
    assert_eq!(tracker.ready().collect::<Vec<_>>(), [2, 3, 5]);
    assert_eq!(tracker.change(2, moved("complete", 0.0)).unwrap(), [2, 4]);
    assert_eq!(tracker.change(2, moved("complete", 1.0)).unwrap(), Vec::<i64>::new());
}

#[test]
fn time_that_stands_still_changes_nothing() {
    let failed = StepFacts { attempts: Some(1), ..moved("error", 0.0) };
    let mut tracker = TaskTracker::new(one_task(vec![failed], &[]), 1, noon()).unwrap();
    assert_eq!(tracker.advance(noon()), Vec::<i64>::new());
    assert_eq!(tracker.advance(at(2.0)), [1]);
    assert_eq!(tracker.advance(at(2.0)), Vec::<i64>::new());
}

#[test]
fn what_is_not_there_is_refused_and_changes_nothing() {
    let snapshot = one_task(vec![StepFacts::default()], &[]);
    assert_eq!(TaskTracker::new(snapshot.clone(), 2, noon()).unwrap_err(), SnapshotError::UnknownTask(2));
    let mut tracker = TaskTracker::new(snapshot.clone(), 1, noon()).unwrap();
    assert_eq!(tracker.change(9, StepFacts::default()), Err(SnapshotError::UnknownStep(9)));
    assert_eq!(tracker.snapshot(), &snapshot);
    assert_eq!(tracker.answer(9), None);
}

#[test]
fn the_tasks_own_state_can_be_changed() {
    let mut tracker = RailsTracker::new(one_task(vec![moved("complete", -1.0)], &[]), 1, noon()).unwrap();
    assert_eq!(tracker.context().unwrap().status.to_string(), "pending");
    tracker.change_task(Some(TaskState::Complete.into()));
    assert_eq!(tracker.context().unwrap().status.to_string(), "complete");
}
