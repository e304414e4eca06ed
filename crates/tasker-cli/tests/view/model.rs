use tasker_cli::view::{Change, ModelError, Phase, RunModel, StepState, StopReason, TaskEnd};

use super::runs::{
    apply_all, at, completed, created, ended, failed, order, order_complete, order_in_error, retrying, started, step,
};

fn state(model: &RunModel, step: usize) -> &StepState {
    &model.steps()[step].state
}

#[test]
fn levels_are_the_longest_ways_from_the_start() {
    let levels: Vec<usize> = order().steps().iter().map(|step| step.level).collect();
    assert_eq!(levels, [0, 1, 1, 2, 3, 3]);
    assert_eq!(order().levels(), [vec![0], vec![1, 2], vec![3], vec![4, 5]]);
}

#[test]
fn a_step_is_ready_when_its_last_parent_is_done() {
    let mut model = order();
    assert_eq!(*state(&model, 0), StepState::Ready);
    assert_eq!(*state(&model, 1), StepState::Waiting);
    apply_all(&mut model, &[created(), started(0, 1, 10), completed(0, 1, 20), started(1, 1, 21), completed(1, 1, 30)]);
    assert_eq!(*state(&model, 2), StepState::Ready);
    assert_eq!(*state(&model, 3), StepState::Waiting);
    apply_all(&mut model, &[Change::StepResolved { step: 2, at: at(40) }]);
    assert_eq!(*state(&model, 3), StepState::Ready);
}

#[test]
fn a_report_that_comes_twice_counts_once() {
    let mut model = order();
    apply_all(&mut model, &[created(), started(0, 1, 10), completed(0, 1, 20), completed(0, 1, 20)]);
    apply_all(&mut model, &[started(1, 1, 21), completed(1, 1, 30), completed(1, 1, 30)]);
    assert_eq!(*state(&model, 3), StepState::Waiting);
}

#[test]
fn times_are_those_of_the_last_attempt() {
    let mut model = order();
    apply_all(&mut model, &[created(), started(0, 1, 10), retrying(0, 1, 50, 2_100), started(0, 2, 2_101)]);
    apply_all(&mut model, &[completed(0, 2, 2_111)]);
    assert_eq!(*state(&model, 0), StepState::Complete { attempts: 2, took: Some(at(10)) });
    assert_eq!(model.executions(), 2);
}

#[test]
fn an_end_leaves_no_step_waiting_and_a_stop_does() {
    let model = order_in_error();
    assert_eq!(*model.phase(), Phase::Ended { state: TaskEnd::Error, at: at(6_700) });
    assert_eq!(*state(&model, 3), StepState::NeverRan);

    let mut model = order();
    apply_all(&mut model, &[created(), Change::RunStopped { reason: StopReason::Interrupted, at: at(9) }]);
    assert_eq!(*state(&model, 0), StepState::Ready);
    assert_eq!(*state(&model, 3), StepState::Waiting);
}

#[test]
fn a_resumed_task_starts_where_it_stood() {
    let mut model = order();
    let done = StepState::Complete { attempts: 2, took: None };
    let mut states = vec![StepState::Waiting; 6];
    states[0] = done.clone();
    states[1] = done;
    apply_all(&mut model, &[Change::TaskResumed { id: 4, states, at: at(1) }]);
    assert_eq!(model.task_id(), Some(4));
    assert_eq!(*state(&model, 2), StepState::Ready);
    assert_eq!(*state(&model, 3), StepState::Waiting);
    assert_eq!(model.executions(), 0);
}

#[test]
fn what_is_parked_runs_again_with_the_next_attempt() {
    let mut model = order();
    apply_all(&mut model, &[created(), started(0, 1, 10), retrying(0, 1, 50, 2_100)]);
    apply_all(&mut model, &[Change::TaskParked { until: at(2_100), at: at(51) }]);
    assert_eq!(*model.phase(), Phase::Parked { until: at(2_100) });
    apply_all(&mut model, &[started(0, 2, 2_101)]);
    assert_eq!(*model.phase(), Phase::Running);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let backwards = RunModel::new("shop", "loop", "1.0.0", vec![step("a", &[1]), step("b", &[])]);
    assert_eq!(backwards.unwrap_err(), ModelError::ParentNotBefore { step: 0, parent: 1 });
    let mut model = order_complete();
    let before = model.clone();
    let unknown = ModelError::UnknownStep { step: 6, steps: 6 };
    for change in [started(6, 1, 1), completed(6, 1, 1), failed(6, 1, true, "x", 1), retrying(6, 1, 1, 2)] {
        assert_eq!(model.apply(&change).unwrap_err(), unknown);
    }
    let resumed = Change::TaskResumed { id: 9, states: vec![StepState::Ready], at: at(1) };
    assert_eq!(model.apply(&resumed).unwrap_err(), ModelError::StepCount { given: 1, steps: 6 });
    assert_eq!(model, before);
    apply_all(&mut model, &[ended(TaskEnd::Complete, 3_300)]);
}

#[test]
fn a_message_of_any_length_is_kept_short() {
    let mut model = order();
    apply_all(&mut model, &[created(), failed(0, 1, true, &"ä".repeat(1_000_000), 5)]);
    let StepState::Failed { error, .. } = state(&model, 0) else { panic!("the step did not fail") };
    assert_eq!(error.chars().count(), 8_001);
}
